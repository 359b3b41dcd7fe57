#!/bin/bash
#SBATCH --licenses=matlab:2,ansys
#SBATCH -p compute
matlab -batch run
