#!/bin/bash
#SBATCH -p gpu
#SBATCH --gres=gpu:a100:2
#SBATCH -N 1 --ntasks-per-node=2
srun python ddp.py
