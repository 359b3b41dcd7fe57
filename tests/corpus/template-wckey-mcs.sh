#!/bin/bash
#SBATCH --wckey=course2026 --extra=zone:a
true
