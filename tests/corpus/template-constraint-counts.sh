#!/bin/bash
#SBATCH -p compute -N 3
#SBATCH --constraint="[haswell*1&skylake*2]"
true
