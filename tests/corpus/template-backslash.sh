#!/bin/bash
#SBATCH --job-name=a\ b
#SBATCH --comment=back\\slash
true
