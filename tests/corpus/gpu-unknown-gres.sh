#!/bin/bash
#SBATCH -p gpu
#SBATCH --gres=fpga:1
true
