#!/bin/bash
#SBATCH --propagate=STACK
true
