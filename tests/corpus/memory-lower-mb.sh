#!/bin/bash
#SBATCH -p compute --mem=400mb
true
