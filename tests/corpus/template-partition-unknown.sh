#!/bin/bash
#SBATCH --partition=nosuch
true
