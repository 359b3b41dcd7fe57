#!/bin/bash
#SBATCH --export=CASE=7,MODE='a,b',HOME
env
