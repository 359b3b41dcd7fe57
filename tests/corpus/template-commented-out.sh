#!/bin/bash
##SBATCH --partition=nowhere
# SBATCH --nodes=900
#SBATCH --time=5
#SBATCH   --job-name=spaces   
#sbatch --ntasks=77
   #SBATCH --ntasks=5
true
