#!/bin/bash
#SBATCH -p compute -n 4
#SBATCH --network=sn_all
#SBATCH --cpu-freq=high
srun ./tuned
