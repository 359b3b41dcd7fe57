#!/bin/bash
#SBATCH --output=/dev/null --error=/dev/null --input=none
true
