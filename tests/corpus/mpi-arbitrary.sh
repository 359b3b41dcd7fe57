#!/bin/bash
#SBATCH --partition=compute
#SBATCH --nodelist=compute-3,compute-4
#SBATCH --ntasks=4
#SBATCH --distribution=arbitrary
srun ./placed
