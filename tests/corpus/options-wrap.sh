#!/bin/sh
# options: --wrap 'srun hostname; echo "done"' -p compute -N 2
