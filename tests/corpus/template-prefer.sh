#!/bin/bash
#SBATCH -p compute
#SBATCH --constraint=avx2&ib
#SBATCH --prefer=nvme
true
