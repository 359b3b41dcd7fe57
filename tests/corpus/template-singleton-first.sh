#!/bin/bash
#SBATCH -J weekly
true
