#!/bin/bash
#SBATCH --job-name="md run"
#SBATCH --account=chem042
#SBATCH --partition=compute
#SBATCH --nodes=2
#SBATCH --tasks-per-node=32
#SBATCH --cpus-per-task=2
#SBATCH --hint=nomultithread
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
#SBATCH --open-mode=append

trap 'touch stop; wait' USR1
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
srun gmx_mpi mdrun -deffnm prod -cpi prod.cpt -maxh 23.8 &
wait
