#!/bin/bash
#SBATCH -p compute --mem=0
true
