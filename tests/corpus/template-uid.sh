#!/bin/bash
#SBATCH --uid=ec2-user
true
