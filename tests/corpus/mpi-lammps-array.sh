#!/bin/bash
#SBATCH -J lmp-scan
#SBATCH -p compute
#SBATCH -N 1
#SBATCH --ntasks-per-node=16
#SBATCH --array=0-20:5%2
#SBATCH -o scan_%A_%a.log
T=$((300 + SLURM_ARRAY_TASK_ID))
srun lmp -in in.melt -var T $T
