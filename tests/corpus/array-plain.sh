#!/bin/bash
#SBATCH --array=1-10
#SBATCH -t 5
echo "task $SLURM_ARRAY_TASK_ID"
