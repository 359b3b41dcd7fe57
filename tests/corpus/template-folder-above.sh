#!/bin/bash
#SBATCH -D work/../other
true
