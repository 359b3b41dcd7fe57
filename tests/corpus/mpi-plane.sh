#!/bin/bash
#SBATCH -p compute -N 2 -n 8
#SBATCH -m plane=4
srun ./stencil
