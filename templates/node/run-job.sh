#!/bin/bash
# Runs a staged job: finds a Python for run-job.py. What sends this puts `run`, `bucket`, `region`
# and `digest` before it, and `begin "$1" 3<<'END_OF_PROGRAM'` with the program after it. There are
# no other variables in here, for the environment of the job could have one of that name.
set -- /usr/bin/python3 /usr/libexec/platform-python \
    /opt/parallelcluster/pyenv/versions/*/bin/python3
until [ $# = 0 ] || "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; do
    shift
done
if [ $# = 0 ]; then
    echo "hpcapi: this node has no Python 3.6 or later, so the job cannot be staged" >&2
    exit 74
fi
begin() {
    exec "$1" -I /dev/fd/3 "${run:?}" "${bucket:?}" "${region:?}" "${digest:?}"
}
