#!/bin/bash -l
#SBATCH --job-name=mpi
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --time=10
# Compiles an MPI program and runs it on two nodes; ends as the program does. The program goes along:
#
#   hpcapi run examples/mpi/mpi.sh --in examples/mpi/ring.c

# On ParallelCluster both MPIs are modules. Its Open MPI takes EFA where the nodes have it.
if type module >/dev/null 2>&1; then
    module load openmpi || module load intelmpi
fi
set -euo pipefail

# The job's folder is one that all nodes share; the program lies in it as `--in` named it.
mpicc -O2 -o ring "$(find . -name ring.c -print -quit)"
mpirun ./ring
