#!/bin/bash
#SBATCH -p compute
#SBATCH -N 1 -n 2
#SBATCH --oversubscribe
srun ./shared
