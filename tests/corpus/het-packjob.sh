#!/bin/bash
#SBATCH -p compute -n 1
#SBATCH packjob
#SBATCH -p compute -N 2 --ntasks-per-node=4
#SBATCH packjob
#SBATCH -p compute -n 3 -c 2
srun ./a : ./b : ./c
