#!/bin/bash
#SBATCH --signal=b:usr1@120
true
