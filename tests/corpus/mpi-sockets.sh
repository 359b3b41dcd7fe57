#!/bin/bash
#SBATCH -p compute
#SBATCH --nodes=1
#SBATCH --sockets-per-node=2
#SBATCH --cores-per-socket=8
#SBATCH --threads-per-core=1
srun ./numa
