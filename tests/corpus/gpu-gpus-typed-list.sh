#!/bin/bash
#SBATCH -p gpu
#SBATCH --gpus=a100:2,v100:1
./mixed
