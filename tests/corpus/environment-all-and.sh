#!/bin/bash
#SBATCH --export=ALL,CASE=7
env
