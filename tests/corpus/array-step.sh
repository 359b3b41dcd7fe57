#!/bin/bash
#SBATCH -a 0-100:20
#SBATCH --mail-type=ARRAY_TASKS,FAIL
true
