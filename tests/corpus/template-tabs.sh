#!/bin/bash
#SBATCH	--job-name=tabbed	--ntasks=2
#SBATCH --time=5	# later
true
