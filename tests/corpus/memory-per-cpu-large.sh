#!/bin/bash
#SBATCH -p compute -c 4 --mem-per-cpu=16G
true
