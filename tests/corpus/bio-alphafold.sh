#!/bin/bash
#SBATCH --job-name=af_${USER}
#SBATCH --time=2-0
#SBATCH --gres=gpu:1
#SBATCH --partition=gpu
#SBATCH --mem=85G
#SBATCH --cpus-per-task=8
run_alphafold.sh --fasta_paths=T1050.fasta
