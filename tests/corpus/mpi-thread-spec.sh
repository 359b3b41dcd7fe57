#!/bin/bash
#SBATCH -p compute -N 1
#SBATCH --thread-spec=2
srun ./noise
