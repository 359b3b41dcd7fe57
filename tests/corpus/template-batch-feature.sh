#!/bin/bash
#SBATCH -p compute -N 2 --batch=ib
true
