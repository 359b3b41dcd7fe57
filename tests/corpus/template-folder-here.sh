#!/bin/bash
#SBATCH -D .
true
