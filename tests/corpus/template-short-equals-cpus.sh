#!/bin/bash
#SBATCH -p compute -c=2
true
