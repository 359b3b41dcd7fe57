#!/bin/bash
#SBATCH --signal=R:TERM
true
