#!/bin/bash
#SBATCH -p compute
#SBATCH --exclusive=user
#SBATCH -n 2
srun ./private
