#!/bin/bash
#SBATCH -p compute
#SBATCH -n 8
#SBATCH --spread-job
#SBATCH --wait-all-nodes=1
srun ./bandwidth
