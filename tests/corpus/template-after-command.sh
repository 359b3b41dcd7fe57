#!/bin/bash
#SBATCH --time=5

# Blank lines and comments do not end the header.

#SBATCH --ntasks=2
date
#SBATCH --ntasks=9
