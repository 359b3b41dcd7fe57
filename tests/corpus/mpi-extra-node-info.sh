#!/bin/bash
#SBATCH -p compute
#SBATCH -N 2
#SBATCH -B 2:8:1
srun ./topology
