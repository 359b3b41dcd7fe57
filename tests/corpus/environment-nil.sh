#!/bin/bash
#SBATCH --export=NIL
env
