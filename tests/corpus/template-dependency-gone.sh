#!/bin/bash
#SBATCH --dependency=afterok:99999999
true
