#!/bin/bash
#SBATCH -p compute --mem=1.5G
true
