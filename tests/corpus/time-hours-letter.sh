#!/bin/bash
#SBATCH --time=4h
true
