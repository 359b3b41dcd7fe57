#!/bin/bash
#SBATCH --begin=noon
true
