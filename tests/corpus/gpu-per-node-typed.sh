#!/bin/bash
#SBATCH -p gpu
#SBATCH --gpus-per-node=a100:2
srun ./solver
