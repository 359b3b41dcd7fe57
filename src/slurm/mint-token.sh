# Mints a Slurm token and prints it sealed: one line of JSON, {"sealed":"<base64>"} or
# {"error":"<code>","detail":"<words>"}. Runs as root under any POSIX shell, after the lines
#   user='…'        who the token is for
#   lifespan='…'    seconds
#   public_key='…'  RSA public key, DER SubjectPublicKeyInfo in base64
# The token stays in this shell: printf is a builtin, so it is in no argument list, and it
# goes to openssl through a pipe, so it is in no file.

umask 077
PATH=/opt/slurm/bin:$PATH
export PATH

refuse() {
    detail=$(printf '%s' "$2" | tr -d '\000-\037\\"' | cut -c 1-300)
    printf '{"error":"%s","detail":"%s"}\n' "$1" "$detail"
    exit 0
}

command -v scontrol >/dev/null 2>&1 || refuse no_scontrol "scontrol is not in $PATH"
id -u -- "${user:?}" >/dev/null 2>&1 || refuse unknown_user "there is no user $user"

answer=$(timeout 30 scontrol token "username=$user" "lifespan=${lifespan:?}" 2>&1)
ended=$?
token=${answer#*SLURM_JWT=}
if [ "$token" = "$answer" ]; then
    case $answer in
    *"plugin type not loaded"* | *"rror fetching token"*) refuse jwt_not_configured "$answer" ;;
    *"nvalid numeric value"*) refuse lifespan_refused "$answer" ;;
    *"nable to contact"* | *"onnection refused"*) refuse slurmctld_down "$answer" ;;
    esac
    [ "$ended" -ne 124 ] || refuse slurmctld_down "scontrol had no answer in 30 s"
    refuse failed "$answer"
fi

key=$(mktemp) || refuse failed "cannot make a temporary file"
trap 'rm -f "$key"' EXIT
{
    echo '-----BEGIN PUBLIC KEY-----'
    printf '%s\n' "${public_key:?}" | fold -w 64
    echo '-----END PUBLIC KEY-----'
} >"$key"

sealed=$(printf '%s' "$token" | openssl pkeyutl -encrypt -pubin -inkey "$key" \
    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 \
    2>/dev/null | base64 | tr -d '\n')
[ -n "$sealed" ] || refuse seal_failed "openssl could not seal the token"
printf '{"sealed":"%s"}\n' "$sealed"
