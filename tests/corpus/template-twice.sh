#!/bin/bash
#SBATCH --time=10 --mem=1G -n 2
#SBATCH --time=20 --mem=500M -n 1
true
