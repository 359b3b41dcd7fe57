#!/bin/bash
# arguments: proteins.fasta --evalue '1e-5 or less'
#SBATCH -J blastp -c 4 -p compute
blastp -query "$1" "${@:2}"
