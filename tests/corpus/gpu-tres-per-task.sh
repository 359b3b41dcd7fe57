#!/bin/bash
#SBATCH -p gpu -n 2
#SBATCH --tres-per-task=cpu=4,gres/gpu=1
srun ./task
