#!/bin/bash
#SBATCH --comment="project=42;ticket=ABC-7, see wiki"
true
