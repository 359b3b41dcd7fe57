#!/bin/bash
#SBATCH --job-name  apart
#SBATCH --ntasks 2 --time 10
true
