#!/bin/bash
#SBATCH -J weekly --dependency=singleton
true
