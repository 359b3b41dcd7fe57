#!/bin/bash
# Für alle: Größe in Ångström.
#SBATCH --job-name=größe
#SBATCH --comment=日本語
true
