#!/bin/bash
#SBATCH --signal=FOO@10
true
