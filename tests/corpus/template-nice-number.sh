#!/bin/bash
#SBATCH --nice=50 --hold
true
