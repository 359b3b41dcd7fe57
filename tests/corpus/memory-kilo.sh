#!/bin/bash
#SBATCH -p compute --mem=500000K
true
