#!/bin/bash
#SBATCH -mem=4G
true
