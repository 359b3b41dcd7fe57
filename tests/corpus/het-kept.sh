#!/bin/bash
#SBATCH -J kept -A chem042 -t 30 --mem=2G -o kept.%j --mail-type=END --comment=both
#SBATCH -p compute -n 2 -c 2 --constraint=ib
#SBATCH hetjob
#SBATCH -p gpu --gres=gpu:1 -t 10
srun ./a : ./b
