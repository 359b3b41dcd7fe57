# Mints a Slurm token on the head node, and prints it sealed: one line of JSON, either
# {"sealed": base64 of RSA-OAEP (SHA-256)} or {"error": CODE, "detail": TEXT}.
# Runs as root under any POSIX shell. What sends it puts three assignments in front:
#   user        whose token it is
#   lifespan    seconds that it is valid
#   public_key  what it is sealed with: DER SubjectPublicKeyInfo in base64
# The token passes through pipes only: no file, no argument and no output ever holds it.
: "${user:?}" "${lifespan:?}" "${public_key:?}"
set -u
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

# refuse CODE [DETAIL]
refuse() {
    printf '{"error":"%s","detail":"%s"}\n' "$1" "$(printf '%s' "${2-}" | printable)"
    exit 0
}

# Makes standard input fit for a JSON string, and hides whatever could be a token.
printable() {
    tr '\n\t' '  ' | tr -d '\000-\037\177' | cut -c 1-500 |
        sed 's/ey[A-Za-z0-9_-]*\.[A-Za-z0-9_.-]*/.../g; s/\\/\\\\/g; s/"/\\"/g'
}

mint() {
    # A slurmctld that hangs would hold it for longer than anybody waits.
    timeout 30 scontrol token "username=$user" "lifespan=$lifespan" 2>&1
}

# Seals standard input.
seal() {
    openssl pkeyutl -encrypt -pubin -inkey "$key_file" -pkeyopt rsa_padding_mode:oaep \
        -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 2>/dev/null |
        base64 | tr -d '\n'
}

id "$user" >/dev/null 2>&1 || refuse unknown_user "no such user on the head node: $user"
command -v scontrol >/dev/null || refuse no_scontrol 'there is no scontrol on the head node'

# Says at once what scontrol token would find out after minutes.
ping=$(timeout 15 scontrol ping 2>&1)
[ $? != 124 ] || refuse slurmctld_down 'scontrol ping did not end within 15 s'
case $ping in
    *' is DOWN'*) refuse slurmctld_down "$(printf '%s\n' "$ping" | head -n 1)" ;;
esac

answer=$(mint)
code=$?
token=$(printf '%s\n' "$answer" | sed -n 's/^SLURM_JWT=//p')
if [ "$code" -ne 0 ] || [ -z "$token" ]; then
    [ "$code" -ne 124 ] || refuse slurmctld_down 'scontrol token did not end within 30 s'
    case $answer in
        *lifespan* | *'time limit'*) refuse lifespan_refused "$answer" ;;
        *'contact slurm controller'* | *'timed out'* | *'onnection refused'*)
            refuse slurmctld_down "$answer"
            ;;
        *'plugin type not loaded'* | *'Error fetching token'* | *'not configured'*)
            refuse jwt_not_configured "$answer"
            ;;
        *) refuse failed "$answer" ;;
    esac
fi

key_file=$(mktemp) || refuse failed 'mktemp failed'
trap 'rm -f "$key_file"' EXIT
{
    echo '-----BEGIN PUBLIC KEY-----'
    printf '%s\n' "$public_key" | fold -w 64
    echo '-----END PUBLIC KEY-----'
} >"$key_file"
sealed=$(printf '%s' "$token" | seal)
[ -n "$sealed" ] || refuse seal_failed 'openssl could not seal the token with the key sent'
printf '{"sealed":"%s"}\n' "$sealed"
