#!/bin/bash
#SBATCH -p compute -N 3
#SBATCH --no-kill
#SBATCH --kill-on-invalid-dep=yes
srun ./resilient
