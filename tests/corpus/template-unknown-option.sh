#!/bin/bash
#SBATCH --walltime=4:00:00
true
