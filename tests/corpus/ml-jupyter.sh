#!/bin/bash
#SBATCH -J jupyter
#SBATCH -p compute
#SBATCH -t 0-08:00
#SBATCH -c 4 --mem 16gb
#SBATCH -o jupyter-%J.log
port=$(shuf -i 8000-9999 -n 1)
jupyter lab --no-browser --ip="$(hostname)" --port="$port"
