#!/bin/bash
#SBATCH -a 7
true
