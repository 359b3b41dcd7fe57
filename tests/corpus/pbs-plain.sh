#!/bin/bash
#PBS -N pbsname
#PBS -l walltime=01:00:00,nodes=2:ppn=2
#PBS -q compute
#PBS -j oe
#PBS -m abe
#PBS -M someone@example.org
cd $PBS_O_WORKDIR
mpirun ./a.out
