#!/bin/bash
#SBATCH --acctg-freq=task=60,energy=30 --profile=task
true
