#!/bin/bash
#SBATCH -L nosuch:1
true
