#!/bin/bash
#SBATCH -p compute
#SBATCH --ntasks=48
#SBATCH --mem-per-cpu=2G
#SBATCH --time=12:00:00
srun ./ising 1024
