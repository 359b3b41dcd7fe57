#!/bin/bash
#SBATCH --job-name=cavity
#SBATCH --partition=compute
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=16
#SBATCH --time=02:00:00
#SBATCH --output=cavity_%j.out
#SBATCH --error=cavity_%j.err

module purge
module load openmpi/4.1
mpirun -np "$SLURM_NTASKS" ./icoFoam -parallel
