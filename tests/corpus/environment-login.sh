#!/bin/bash
#SBATCH --get-user-env
env
