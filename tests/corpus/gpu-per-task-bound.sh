#!/bin/bash
#SBATCH -p gpu -n 2
#SBATCH --gpus-per-task=1
#SBATCH --gpu-bind=single:1
srun ./rank_per_gpu
