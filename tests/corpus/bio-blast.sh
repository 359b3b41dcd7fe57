#!/bin/bash
#SBATCH --job-name=blastp
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=40g
#SBATCH --partition=compute
#SBATCH --mail-type=ALL
#SBATCH --mail-user=someone@example.edu
blastp -num_threads 16 -db nr -query "$1" -out "$1.tsv" -outfmt 6
