#!/bin/bash
#SBATCH -p compute -N 1
#SBATCH --overcommit
#SBATCH --ntasks=128
srun ./oversubscribed
