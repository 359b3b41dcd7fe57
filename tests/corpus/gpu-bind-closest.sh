#!/bin/bash
#SBATCH -p gpu -N 1 -n 4
#SBATCH --gres=gpu:4
#SBATCH --gpu-bind=closest
#SBATCH --gpu-freq=high
srun ./multi
