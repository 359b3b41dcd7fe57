#!/bin/bash
#SBATCH -p gpu -N 1 -n 2 --gpus-per-node=2
#SBATCH --gpu-bind=map_gpu:0,1
srun ./multi
