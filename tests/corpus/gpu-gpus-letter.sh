#!/bin/bash
#SBATCH -p gpu -G 2
#SBATCH -t 10
./saxpy
