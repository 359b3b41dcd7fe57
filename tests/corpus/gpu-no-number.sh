#!/bin/bash
#SBATCH -p gpu
#SBATCH --gres=gpu
python -c 'import torch; print(torch.cuda.device_count())'
