#!/usr/bin/env Rscript
#SBATCH --job-name=r-fit --mem=500
print(Sys.getenv("SLURM_JOB_ID"))
