#!/bin/bash
#SBATCH -p compute -n 4
#SBATCH --mem-bind=map_mem:0,1
srun ./stream
