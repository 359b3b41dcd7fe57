#!/bin/bash
#PBS -N older
#PBS -l nodes=1:ppn=4
#SBATCH --job-name=newer --partition=compute
#SBATCH --time=15
true
