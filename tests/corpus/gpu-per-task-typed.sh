#!/bin/bash
#SBATCH -p gpu
#SBATCH --ntasks=2
#SBATCH --gpus-per-task=a100:1
srun ./rank_per_gpu
