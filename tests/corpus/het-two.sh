#!/bin/bash
#SBATCH --job-name=coupled
#SBATCH --partition=compute
#SBATCH --ntasks=1 --cpus-per-task=8 --mem-per-cpu=2g
#SBATCH --time=20
#SBATCH hetjob
#SBATCH --partition=gpu --ntasks=4 --gpus-per-node=4
srun --het-group=0 ./server : --het-group=1 ./client
