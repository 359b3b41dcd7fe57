#!/bin/bash
#SBATCH --chdir=./work
#SBATCH -o ./out-%j.txt
pwd
