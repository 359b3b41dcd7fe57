#!/bin/bash
# Für alle: Größe
#SBATCH --time=5
true
