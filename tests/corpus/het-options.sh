#!/bin/bash
# options: --time=15 --account=shared
#SBATCH -p compute -n 1 -J first
#SBATCH hetjob
#SBATCH -p compute -n 2 -J second
srun ./a : ./b
