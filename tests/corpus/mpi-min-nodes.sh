#!/bin/bash
#SBATCH -p compute
#SBATCH -n 8
#SBATCH --use-min-nodes
srun ./latency
