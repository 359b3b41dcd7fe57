#!/bin/bash
#SBATCH --output=%8j-%x-%%-%A.out
#SBATCH --job-name=patterns
true
