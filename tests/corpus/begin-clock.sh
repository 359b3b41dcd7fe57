#!/bin/bash
#SBATCH --begin=16:00
true
