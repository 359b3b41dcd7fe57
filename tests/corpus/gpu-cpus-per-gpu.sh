#!/bin/bash
#SBATCH -p gpu
#SBATCH --gpus=2
#SBATCH --cpus-per-gpu=6
#SBATCH --mem-per-gpu=40G
python finetune.py
