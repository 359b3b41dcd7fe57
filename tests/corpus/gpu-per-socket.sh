#!/bin/bash
#SBATCH -p gpu
#SBATCH --sockets-per-node=2
#SBATCH --gpus-per-socket=1
#SBATCH --ntasks=2
srun ./numa_gpu
