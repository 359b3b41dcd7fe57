#!/bin/bash
#SBATCH -d afterany:1?afternotok:1
true
