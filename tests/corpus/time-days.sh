#!/bin/bash
#SBATCH --time=2-
true
