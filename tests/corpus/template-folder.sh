#!/bin/bash
#SBATCH -D /tmp
#SBATCH -i input.txt -o out/%N-%u.txt
true
