# Replaces the key that signs Slurm's tokens, on the head node: the only way that Slurm has to
# revoke them. Prints one line of JSON, {"rotated": PATH} or {"error": TEXT}. Runs as root. Stands behind
# slurm-setting.sh, whose functions it calls.
set -u
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

refuse() {
    printf '{"error":"%s"}\n' "$(printf '%s' "$1" | tr -d '\000-\037\042\134\177' | cut -c 1-300)"
    exit 0
}

parameters=$(slurm_setting AuthAltParameters)
key=$(jwt_key "$parameters")
case $parameters in
    *jwks=*) refuse 'tokens are signed elsewhere (jwks): revoke them there' ;;
esac
[ -s "$key" ] || refuse "there is no key $key"

new=$(mktemp "${key%/*}/.jwt.XXXXXX") || refuse 'cannot write beside the key'
trap 'rm -f "$new"' EXIT
head -c 64 /dev/urandom >"$new"
{ chown slurm: "$new" && chmod 0600 "$new"; } || refuse 'cannot give the key to slurm'
mv "$new" "$key" || refuse 'cannot replace the key'
# Older ones read the key at their start only. Jobs go on meanwhile.
if systemctl --quiet is-active slurmdbd; then
    timeout 60 systemctl restart slurmdbd || refuse 'the key is replaced, but slurmdbd does not start'
fi
timeout 60 systemctl restart slurmctld || refuse 'the key is replaced, but slurmctld does not start'
end=$(($(date +%s) + 60))
until timeout 5 scontrol ping 2>/dev/null | grep -q 'is UP'; do
    [ "$(date +%s)" -lt "$end" ] || refuse 'the key is replaced, but slurmctld does not answer'
    sleep 0.2
done
printf '{"rotated":"%s"}\n' "$key"
