#!/bin/bash
#PBS -t 1-5
#PBS -v CASE=1,MODE=fast
#PBS -A chem042
true
