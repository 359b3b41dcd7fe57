#!/bin/bash
#SBATCH --job-name="a 'quoted' name"
#SBATCH --comment='with "both" and a # in it'
#SBATCH --mail-user="me@example.org" --mail-type="END, FAIL"
true
