#!/bin/bash
#SBATCH --reservation=nosuch
true
