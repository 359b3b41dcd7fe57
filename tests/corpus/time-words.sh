#!/bin/bash
#SBATCH --time="two hours"
true
