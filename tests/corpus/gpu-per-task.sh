#!/bin/bash
#SBATCH -p gpu
#SBATCH --ntasks=4
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=4
srun ./rank_per_gpu
