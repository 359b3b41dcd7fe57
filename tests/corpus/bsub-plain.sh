#!/bin/bash
#BSUB -J lsfname
#BSUB -n 4
#BSUB -q compute
#BSUB -W 1:00
#BSUB -o out.%J
#BSUB -e err.%J
./a.out
