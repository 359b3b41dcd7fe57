#!/bin/bash
# options: --time=30 --job-name=from-outside -n 1 --export=ALL,SEED=3
#SBATCH --time=10 --job-name=inside -n 2
true
