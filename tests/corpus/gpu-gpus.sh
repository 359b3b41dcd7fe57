#!/bin/bash
#SBATCH -p gpu
#SBATCH --gpus=4
#SBATCH --ntasks=4
srun ./nbody
