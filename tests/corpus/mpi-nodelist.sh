#!/bin/bash
#SBATCH --partition=compute
#SBATCH --nodelist=compute-[1-2]
#SBATCH --ntasks=4
#SBATCH --exclude=compute-7
srun ./pinned
