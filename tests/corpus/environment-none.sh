#!/bin/bash -l
#SBATCH --export=NONE
unset SLURM_EXPORT_ENV
module load gcc
srun ./a.out
