#!/bin/bash
#SBATCH --partition=compute,gpu
#SBATCH -n 2
true
