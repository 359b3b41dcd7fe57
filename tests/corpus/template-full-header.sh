#!/bin/bash
#------------------------------------------------------------
#  Submit with: sbatch template.sh
#------------------------------------------------------------
#SBATCH --job-name=myJob             # name that squeue shows
#SBATCH --account=proj001            # who pays
#SBATCH --partition=compute          # queue
#SBATCH --qos=normal                 # quality of service
#SBATCH --nodes=1                    # nodes
#SBATCH --ntasks=4                   # MPI ranks
#SBATCH --cpus-per-task=1            # threads
#SBATCH --mem=4gb                    # memory of a node
#SBATCH --time=00:10:00              # hh:mm:ss
#SBATCH --output=%x_%j.log           # output
#SBATCH --mail-type=END,FAIL         # mails
#SBATCH --mail-user=me@example.edu   # to whom

pwd; hostname; date
srun ./a.out
date
