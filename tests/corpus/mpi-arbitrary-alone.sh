#!/bin/bash
#SBATCH --partition=compute
#SBATCH --nodelist=compute-3,compute-5
#SBATCH --distribution=arbitrary
srun ./placed
