#!/bin/bash
#SBATCH -n 6
#SBATCH -c 8
#SBATCH -p compute
#SBATCH --mem-per-cpu=1500M
srun ./hybrid
