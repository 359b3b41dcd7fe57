#!/bin/bash
#SLURM --job-name=older
#SLURM -n 2
true
