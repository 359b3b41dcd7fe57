#!/bin/bash
#SBATCH --cpus=4
true
