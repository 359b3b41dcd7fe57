#!/bin/bash
#SBATCH --output=NONE --error=none
true
