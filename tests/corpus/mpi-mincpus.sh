#!/bin/bash
#SBATCH -p compute
#SBATCH --mincpus=32
#SBATCH --tmp=100G
srun ./scratchy
