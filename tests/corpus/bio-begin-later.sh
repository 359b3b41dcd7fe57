#!/bin/bash
#SBATCH --begin=2037-01-01T08:00:00
#SBATCH --deadline=2037-02-01T08:00
#SBATCH --time=30 --time-min=10
./nightly.sh
