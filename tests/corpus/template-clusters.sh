#!/bin/bash
#SBATCH --clusters=elsewhere
true
