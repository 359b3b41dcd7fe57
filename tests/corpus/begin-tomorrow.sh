#!/bin/bash
#SBATCH --begin=tomorrow
true
