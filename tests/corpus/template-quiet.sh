#!/bin/bash
#SBATCH --parsable -Q -v
#SBATCH -t 5
true
