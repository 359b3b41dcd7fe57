#!/bin/bash
#SBATCH -p gpu
#SBATCH --gpus=2
#SBATCH --ntasks-per-gpu=2
srun ./mps
