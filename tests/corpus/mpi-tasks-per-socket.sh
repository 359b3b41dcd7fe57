#!/bin/bash
#SBATCH --partition=compute
#SBATCH --nodes=2
#SBATCH --ntasks=8
#SBATCH --ntasks-per-socket=2
#SBATCH --distribution=block:cyclic
#SBATCH --time=30
srun --cpu-bind=sockets ./lbm
