#!/bin/bash
#SBATCH -p compute --constraint=nosuch
true
