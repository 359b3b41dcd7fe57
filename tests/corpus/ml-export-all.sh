#!/bin/bash
#SBATCH --partition=gpu
#SBATCH --export=ALL
#SBATCH --gres=gpu:1
#SBATCH --ntasks=1
source ~/venv/bin/activate
python evaluate.py
