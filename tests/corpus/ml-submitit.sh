#!/bin/bash
#SBATCH --array=0-7%8
#SBATCH --cpus-per-task=2
#SBATCH --error=/home/ec2-user/log/%A_%a_0_log.err
#SBATCH --job-name=submitit
#SBATCH --mem=8GB
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/home/ec2-user/log/%A_%a_0_log.out
#SBATCH --partition=compute
#SBATCH --signal=USR2@90
#SBATCH --time=60
#SBATCH --wckey=submitit
srun --unbuffered python -u -m submitit.core._submit /home/ec2-user/log
