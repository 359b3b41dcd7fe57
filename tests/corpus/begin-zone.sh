#!/bin/bash
#SBATCH --begin=2037-06-01T00:00:00Z
true
