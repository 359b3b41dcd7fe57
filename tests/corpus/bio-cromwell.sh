#!/bin/bash
# options: -J cromwell_1b2c3d_align -D /home/ec2-user/exec -o /home/ec2-user/exec/stdout -e /home/ec2-user/exec/stderr -t 600 -p compute -c 4 --mem-per-cpu=4000 --wrap "/bin/bash /home/ec2-user/exec/script"
