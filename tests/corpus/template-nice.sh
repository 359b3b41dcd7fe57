#!/bin/bash
#SBATCH --nice
true
