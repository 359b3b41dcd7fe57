#!/bin/bash
#SBATCH -p gpu
#SBATCH --gpus=0
#SBATCH --time=0
true
