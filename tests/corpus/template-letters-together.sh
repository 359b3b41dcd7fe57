#!/bin/bash
#SBATCH -HJ together -n2 -pcompute
true
