#!/bin/bash
#SBATCH --partition=compute
#SBATCH --ntasks=16
#SBATCH --ntasks-per-core=1
#SBATCH --time=20
srun ./spectral
