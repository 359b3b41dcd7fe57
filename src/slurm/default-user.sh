# Goes in front of scripts for the head node that are about a user: without a name in `user` it is the
# cluster's own user, who is called after the operating system.
: "${user=}"
[ -n "$user" ] || user=$(sed -n 's/^cfn_cluster_user=//p' /etc/parallelcluster/cfnconfig 2>/dev/null)
[ -n "$user" ] || user=ec2-user
