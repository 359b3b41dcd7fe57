#!/bin/bash
#SBATCH--job-name=nospace
#SBATCH--ntasks=2
true
