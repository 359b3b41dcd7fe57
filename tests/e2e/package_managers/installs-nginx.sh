#!/bin/bash
# What the node script does to install nginx, for a script that has a LOG and the functions `log` and
# `fail`.
#
#   source installs-nginx.sh NODE_SCRIPT
export LOCK_PATIENCE=600
quietly() {
    "$@" >>"$LOG" 2>&1
}
# shellcheck source=/dev/null
source <(sed -n '/^install_nginx()/,/^}/p; /^install_package()/,/^}/p; /^is_about_a_lock()/,/^}/p' "$1")
