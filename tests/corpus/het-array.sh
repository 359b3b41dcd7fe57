#!/bin/bash
#SBATCH -p compute -n 1 --array=1-2
#SBATCH hetjob
#SBATCH -p compute -n 2
true
