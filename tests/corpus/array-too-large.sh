#!/bin/bash
#SBATCH --array=0-5000000
true
