#!/bin/bash
#SBATCH -p compute
#SBATCH -n 20
#SBATCH --ntasks-per-node=8
#SBATCH -t 1:00:00
srun ./uneven
