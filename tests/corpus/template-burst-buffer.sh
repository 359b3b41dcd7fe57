#!/bin/bash
#SBATCH --bb="capacity=10G"
true
