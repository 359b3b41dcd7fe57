#!/bin/bash
#SBATCH -p compute -n 4
#SBATCH --mem-bind=local,verbose
srun ./stream
