#!/bin/bash
#SBATCH -p compute
#SBATCH --nodes=1k
srun ./too_many
