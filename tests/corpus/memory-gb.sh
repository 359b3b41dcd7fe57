#!/bin/bash
#SBATCH -p compute --mem=1GB
true
