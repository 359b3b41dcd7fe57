# Prints a piece of a file on the head node, as the user who owns the job: one line of JSON,
# {"length": bytes, "data": base64 of gzip}, {"missing": true}, {"truncated": true} or
# {"error": TEXT}. Runs as root under any POSIX shell. What sends it puts four assignments in
# front:
#   user      who reads: never root, for the path is the job's own
#   file      the file
#   offset    how many bytes of it are known already
#   patience  seconds to wait for more of it
: "${user:?}" "${file:?}" "${offset:?}" "${patience:?}"
set -u
export LC_ALL=C
# What SSM hands on of an answer, less than it cuts at.
room=23000

refuse() {
    printf '{"error":"%s"}\n' "$1"
    exit 0
}

as_user() {
    runuser -u "$user" -- "$@"
}

id "$user" >/dev/null 2>&1 || refuse 'the head node does not know the user of the job'
end=$(($(date +%s) + patience))
while :; do
    kind=missing
    size=0
    if found=$(as_user stat -L -c '%s %F' -- "$file" 2>/dev/null); then
        size=${found%% *}
        kind=${found#* }
    fi
    case $kind in
        missing) ;;
        'regular file' | 'regular empty file')
            [ "$size" -ge "$offset" ] || {
                echo '{"truncated":true}'
                exit 0
            }
            [ "$size" -eq "$offset" ] || break
            ;;
        *) refuse 'it is not a file' ;;
    esac
    if [ "$(date +%s)" -ge "$end" ]; then
        case $kind in
            missing) echo '{"missing":true}' ;;
            *) echo '{"length":0,"data":""}' ;;
        esac
        exit 0
    fi
    sleep 0.3
done

as_user test -r "$file" || refuse 'the user of the job may not read it'
for length in 1048576 262144 65536 16384; do
    data=$(as_user tail -c "+$((offset + 1))" -- "$file" 2>/dev/null | head -c "$length" |
        gzip -c | base64 | tr -d '\n')
    [ "${#data}" -gt "$room" ] || break
done
left=$((size - offset))
[ "$left" -gt "$length" ] || length=$left
printf '{"length":%s,"data":"%s"}\n' "$length" "$data"
