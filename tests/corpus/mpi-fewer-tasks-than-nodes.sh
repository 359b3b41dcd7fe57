#!/bin/bash
#SBATCH -p compute
#SBATCH -N 4
#SBATCH -n 2
srun hostname
