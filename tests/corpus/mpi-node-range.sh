#!/bin/bash
#SBATCH -p compute
#SBATCH -N 2-4
#SBATCH --ntasks-per-node=8
#SBATCH -t 45:00
srun ./elastic
