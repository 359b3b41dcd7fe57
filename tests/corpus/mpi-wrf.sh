#!/bin/csh
#SBATCH -J wrf
#SBATCH -p compute
#SBATCH -N 3 --ntasks-per-node 24
#SBATCH -t 04:30:00
#SBATCH --mail-type=BEGIN,END,FAIL
#SBATCH --mail-user=forecast@example.org
limit stacksize unlimited
srun ./wrf.exe
