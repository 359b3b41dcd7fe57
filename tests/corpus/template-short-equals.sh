#!/bin/bash
#SBATCH -t=5
true
