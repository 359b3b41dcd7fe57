#!/bin/bash
#SBATCH --mem=400M
#SBATCH --mem-per-cpu=200M
true
