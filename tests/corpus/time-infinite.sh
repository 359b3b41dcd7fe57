#!/bin/bash
#SBATCH --time=INFINITE
true
