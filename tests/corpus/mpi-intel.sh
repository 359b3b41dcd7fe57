#!/bin/bash -l
#SBATCH -J vasp
#SBATCH -p compute
#SBATCH -N 4
#SBATCH -n 64
#SBATCH -t 1-00:00:00
#SBATCH --mem=0
#SBATCH --exclusive

export I_MPI_PMI_LIBRARY=/usr/lib64/libpmi2.so
srun --mpi=pmi2 vasp_std
