# Counts the jobs that Slurm knows and that have not ended, tasks of arrays one by one, and the nodes that
# run, and prints one line of JSON: {"running": N, "pending": N, "nodes": N} or {"error": TEXT}. Changes
# nothing. Runs as root.
set -u
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

refuse() {
    printf '{"error":"%s"}\n' "$(printf '%s' "$1" | tr -d '\000-\037\042\134\177' | cut -c 1-300)"
    exit 0
}

states=$(timeout 20 squeue --noheader --array --format %T 2>&1) || refuse "$states"
nodes=$(timeout 20 sinfo --noheader --Node --format '%N %T' 2>&1) || refuse "$nodes"
pending=$(printf '%s\n' "$states" | grep -c '^PENDING$')
# What is configuring, suspended or completing holds nodes, and is lost like what runs.
running=$(printf '%s\n' "$states" | grep -c '^[A-Z]')
# A node in several partitions has a line for each; `~` marks one without an instance.
up=$(printf '%s\n' "$nodes" | sort -u | grep -c '[^~]$')
printf '{"running":%d,"pending":%d,"nodes":%d}\n' "$((running - pending))" "$pending" "$up"
