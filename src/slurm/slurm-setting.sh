# slurm_setting NAME: prints what Slurm's configuration, with all that it includes, says last.
slurm_setting() {
    cat /opt/slurm/etc/pcluster/*.conf /opt/slurm/etc/slurm_parallelcluster.conf \
        /opt/slurm/etc/slurm.conf 2>/dev/null |
        sed -En "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*([^[:space:]#]+).*/\1/Ip" | tail -n 1
}

# jwt_key PARAMETERS: prints where the key is that signs tokens, by the value of AuthAltParameters.
jwt_key() {
    key=$(printf '%s\n' "$1" | tr ',' '\n' | sed -n 's/^jwt_key=//p' | tail -n 1)
    printf '%s\n' "${key:-/var/spool/slurm.state/jwt_hs256.key}"
}
