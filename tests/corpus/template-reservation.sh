#!/bin/bash
#SBATCH --reservation=course
#SBATCH --partition=compute
true
