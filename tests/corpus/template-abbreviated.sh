#!/bin/bash
#SBATCH --job=x --out=y.txt --err=z.txt
#SBATCH --part=compute
true
