#!/bin/bash
#SBATCH -p compute --mem=1GiB
true
