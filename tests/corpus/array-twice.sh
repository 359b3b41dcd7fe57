#!/bin/bash
#SBATCH --array=1-4,3-6
true
