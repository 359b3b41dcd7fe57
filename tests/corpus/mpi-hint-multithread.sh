#!/bin/bash
#SBATCH -p compute -N 1 -n 4
#SBATCH --hint=multithread
srun ./stream
