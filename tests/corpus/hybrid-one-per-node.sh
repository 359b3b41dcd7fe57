#!/bin/bash
#SBATCH -p compute
#SBATCH -N 2 --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH -c 32
srun ./omp
