#!/bin/bash
#SBATCH --job-name=diffusion
#SBATCH --partition=gpu
#SBATCH --gres=gpu:a100:4
#SBATCH --ntasks=4 --ntasks-per-node=4
#SBATCH --cpus-per-task=12
#SBATCH --signal=SIGUSR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --time=04:00:00
srun python train.py --resume auto
