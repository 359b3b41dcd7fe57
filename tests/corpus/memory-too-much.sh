#!/bin/bash
#SBATCH -p compute --mem=9T
true
