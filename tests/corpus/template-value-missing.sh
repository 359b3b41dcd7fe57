#!/bin/bash
#SBATCH --time=
#SBATCH --ntasks
true
