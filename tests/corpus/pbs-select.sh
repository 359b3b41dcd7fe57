#!/bin/bash
#PBS -N selected
#PBS -l select=1:ncpus=4:mem=8gb
#PBS -l walltime=2:00:00
#PBS -q compute
#PBS -o run.out
#PBS -e run.err
#PBS -V
./a.out
