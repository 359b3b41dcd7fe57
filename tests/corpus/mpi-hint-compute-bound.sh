#!/bin/bash
#SBATCH -p compute -N 1 -n 4
#SBATCH --hint=compute_bound
srun ./dgemm
