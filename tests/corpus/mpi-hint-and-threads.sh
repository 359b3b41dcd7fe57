#!/bin/bash
#SBATCH -p compute -N 1 -n 4
#SBATCH --hint=nomultithread
#SBATCH --threads-per-core=2
srun ./dgemm
