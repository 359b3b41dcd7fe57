#!/bin/bash
#SBATCH -p compute -N 1
#SBATCH --core-spec=2
#SBATCH --time=10
srun ./noise
