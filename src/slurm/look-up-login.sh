# Looks up on the head node what a login of a user has, and prints one line of JSON, either
# {"user": NAME, "home": FOLDER, "shell": PATH, "host": NAME, "variables": DATA, "left_out": [NAME, ...]}
# or {"error": TEXT}. DATA is NAME=VALUE of each variable that matters to batch scripts, each ended by
# a NUL, in gzip and base64; it is of no variable when the user's login shell hangs, fails or is none.
# Runs as root. What sends it puts two assignments in front:
#   user   whose login it is; a name that `id` need not know
#   room   how many characters DATA may have: the largest variables are left out, as far as need be
: "${user:?}" "${room:?}"
set -u
PATH=/opt/slurm/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin

# What is sent, by name: never all of an environment, which may hold secrets. LD_LIBRARY_PATH and the
# state of environment modules belong together: a module that counts as loaded is not loaded again.
names='PATH|MANPATH|LD_LIBRARY_PATH|LANG|LANGUAGE|LC_[A-Z]+|BASH_ENV|ENV'
names="$names|MODULEPATH|MODULEPATH_ROOT|MODULESHOME|MODULERCFILE|LOADEDMODULES|_LMFILES_[0-9]*"
names="$names|MODULES_[A-Z_]+|__MODULES_[A-Z_]+|[A-Z_]+_modshare"
names="$names|LMOD_[A-Za-z0-9_]+|__LMOD_[A-Za-z0-9_]+|_ModuleTable[0-9]+_|_ModuleTable_Sz_"
functions='module|ml|_module_raw|switchml|scl|clearMT|clearLmod|xSetTitleLmod'
names="$names|BASH_FUNC_($functions)(%%|[(][)])"

refuse() {
    printf '{"error":%s}\n' "$(printf '%s' "$1" | string)"
    exit 0
}

# Makes standard input a JSON string.
string() {
    printf '"%s"' "$(tr -d '\000-\037\177' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

# Prints what is to be sent of the environment of the user's login shell. What the login prints itself
# stands before and behind the marks. It goes through a file: a process that the login leaves behind
# would keep a pipe open. Any shell understands the command.
variables() {
    mark=hpcapi$(od -A n -N 8 -t x1 /dev/urandom | tr -d ' \n')
    (
        # 64 MiB or more: what a login may print without an end.
        ulimit -f 131072
        timeout --kill-after=3 5 runuser -l "$user" \
            -c "echo $mark; env -0; /usr/bin/printf '$mark\\0'" </dev/null >"$folder/login" 2>/dev/null
    ) || return
    LC_ALL=C sed -z -n -E "/$mark\n/,/^$mark\$/{s/^.*$mark\n//;/^($names)=/p}" "$folder/login"
}

packed() {
    gzip -c "$folder/kept" | base64 | tr -d '\n'
}

id "$user" >/dev/null 2>&1 || refuse "there is no user $user on the head node"
entry=$(getent passwd "$user" | head -n 1)
home=$(printf '%s' "$entry" | cut -d : -f 6)
shell=$(printf '%s' "$entry" | cut -d : -f 7)
[ -n "$home" ] || refuse "getent passwd knows no home of $user"

folder=$(mktemp -d) || refuse 'mktemp failed'
trap 'rm -rf "$folder"' EXIT
variables >"$folder/kept"
left_out=
data=$(packed)
while [ "${#data}" -gt "$room" ]; do
    largest=$(tr '\n\000' '\001\n' <"$folder/kept" |
        LC_ALL=C awk 'length > most { most = length; line = NR } END { print line }')
    name=$(LC_ALL=C sed -z -n "${largest}s/=.*//p" "$folder/kept" | tr -d '\000' | string)
    left_out="$left_out${left_out:+,}$name"
    sed -z -i "${largest}d" "$folder/kept"
    data=$(packed)
done
printf '{"user":%s,"home":%s,"shell":%s,"host":%s,"variables":"%s","left_out":[%s]}\n' \
    "$(printf '%s' "$user" | string)" "$(printf '%s' "$home" | string)" \
    "$(printf '%s' "$shell" | string)" "$(uname -n | string)" "$data" "$left_out"
