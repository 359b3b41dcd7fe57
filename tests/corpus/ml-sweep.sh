#!/bin/bash
#SBATCH --job-name=sweep
#SBATCH --partition=gpu
#SBATCH --array=1,3,5-7%3
#SBATCH --gres=gpu:1
#SBATCH --output=sweep/%A/%a.out
lr=$(sed -n "${SLURM_ARRAY_TASK_ID}p" rates.txt)
python train.py --lr "$lr"
