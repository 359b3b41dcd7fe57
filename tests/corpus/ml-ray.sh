#!/bin/bash
#SBATCH --job-name=ray
#SBATCH --partition=compute
#SBATCH --nodes=3
#SBATCH --exclusive
#SBATCH --tasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem-per-cpu=1GB
ray start --head --port=6379 --block &
sleep 10
srun --nodes=2 --ntasks=2 ray start --address="$HOSTNAME:6379" --block &
python tune.py
