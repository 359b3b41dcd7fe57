#!/bin/bash
#SBATCH --mail-type=ABORT
true
