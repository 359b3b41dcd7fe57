#!/bin/bash
#SBATCH -p compute
#SBATCH --nodes=1-7:2
#SBATCH --time=5
srun ./scaling
