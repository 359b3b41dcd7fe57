#!/bin/bash
#SBATCH -p compute --delay-boot=5 --reboot
true
