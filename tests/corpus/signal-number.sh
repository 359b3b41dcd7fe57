#!/bin/bash
#SBATCH --signal=10@60
true
