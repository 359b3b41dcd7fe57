#!/bin/bash
#SBATCH -p compute
#SBATCH -c 12
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
./solver
