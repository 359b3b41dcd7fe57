#!/bin/bash
#SBATCH --time=5
true
