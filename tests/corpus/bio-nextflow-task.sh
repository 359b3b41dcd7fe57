#!/bin/bash -ue
#SBATCH -J nf-ALIGN_(sample_7)
#SBATCH -o /home/ec2-user/tasks/3f/.command.log
#SBATCH --no-requeue
#SBATCH --signal B:USR2@30
#SBATCH -c 8
#SBATCH -t 08:00:00
#SBATCH --mem 16384M
#SBATCH -p compute
bwa mem -t 8 ref.fa reads.fq > out.sam
