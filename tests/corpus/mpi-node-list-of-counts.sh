#!/bin/bash
#SBATCH -p compute
#SBATCH --nodes=1,2,4
#SBATCH --time=5
srun ./scaling
