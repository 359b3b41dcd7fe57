#!/bin/bash
#SBATCH --time=0-24:00:00
true
