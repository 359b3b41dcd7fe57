#!/bin/bash
#SBATCH -p gpu
#SBATCH --container=/srv/bundles/train
python train.py
