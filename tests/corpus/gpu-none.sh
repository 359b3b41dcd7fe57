#!/bin/bash
#SBATCH -p gpu
#SBATCH --gres=none
#SBATCH -n 1
true
