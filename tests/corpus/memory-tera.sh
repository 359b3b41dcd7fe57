#!/bin/bash
#SBATCH -p compute --mem=1T
true
