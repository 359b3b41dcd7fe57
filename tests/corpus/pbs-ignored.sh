#!/bin/bash
#SBATCH --ignore-pbs -t 5
#PBS -N ignored -l walltime=99:00:00
true
