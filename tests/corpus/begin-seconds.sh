#!/bin/bash
#SBATCH --begin=now+90
true
