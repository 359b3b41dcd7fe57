#!/bin/bash
#SBATCH -p compute -N 1 -n 4
#SBATCH --hint=memory_bound
srun ./stream
