#!/bin/bash
#SBATCH --begin=now+2days
true
