#!/bin/bash
#SBATCH --partition=compute
#SBATCH --nodes=4
#SBATCH --contiguous
#SBATCH --switches=1@10:00
#SBATCH --constraint=ib
#SBATCH --time=0-06
srun ./allreduce
