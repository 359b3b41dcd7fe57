#!/bin/bash
#SBATCH --begin=12/31/37
true
