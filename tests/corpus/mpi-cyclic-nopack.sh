#!/bin/bash
#SBATCH -p compute -N 2 -n 8
#SBATCH --distribution=cyclic:block,NoPack
srun ./stencil
