#!/bin/bash
# options: --array=0-3 --nice=3
# arguments: 10 20 ''
echo "$1 $2"
