#!/bin/bash
#SBATCH --priority=100
true
