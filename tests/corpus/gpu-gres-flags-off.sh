#!/bin/bash
#SBATCH -p gpu
#SBATCH --gres=gpu:1 --gres-flags=disable-binding
./far
