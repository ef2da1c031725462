# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For scenarios with an S3 or SFTP server; to be sourced behind lib.sh. The server is that of
# the environment (tests/run starts one for all), else one of the scenario's own.

export LSAN_OPTIONS=suppressions=$root/tests/lint/leaks
export ASAN_OPTIONS=suppressions=$root/tests/lint/foreign

# shellcheck source=tests/servers/shared.sh
source "$root/tests/servers/shared.sh"

own_server() { # SERVER NAME [OPTION...]: in $work/NAME, on $port
    local server=$1 folder=$work/$2 status=0
    shift 2
    port=$(free_ports 3) || cannot "no free ports"
    own_servers+=("$server:$folder")
    "$root/tests/servers/$server" start "$folder" "$port" "$@" >"$work/err" 2>&1 || status=$?
    [[ $status -ne 77 ]] || cannot "$(<"$work/err")"
    [[ $status -eq 0 ]] || fail "$server did not start" "$work/err"
    take_env "$server" "$folder"
}

# A place that no other test uses: what the URL says, one folder deeper.
fresh_place() { # URL
    echo "${1%%\?*}/scenario-$$-$RANDOM?${1#*\?}"
}

need_s3() {
    [[ -n ${PGKEEP_TEST_S3_URL:-} ]] || own_server ceph ceph
    place=$(fresh_place "$PGKEEP_TEST_S3_URL")
}

# Another client, past the proxy.
s3() { # ARGUMENT...
    /usr/bin/python3 "$root/tests/servers/s3.py" "$place" "$@"
}

need_sftp() { # always one of our own, whose connections we may kill
    own_server sshd sshd
    sshd=$work/sshd
    place=$(fresh_place "$PGKEEP_TEST_SFTP_URL")
}

start_proxy() { # UPSTREAM-PORT [OPTION...]
    proxy=$work/proxy
    own_server proxy proxy "127.0.0.1:$1" "${@:2}"
    proxy_port=$port
}

rules() { # [RULE...]
    "$root/tests/servers/proxy" rules "$proxy" "$@"
}

faults() { # REGEX
    "$root/tests/servers/proxy" count "$proxy" "$@"
}

# $base, of few rows, and $work/large, which has many more beside them.
make_dumps() { # MANY
    start_cluster pg
    base=$work/base
    make_base_dump "$base" 6000
    make_rows base more "$1"
    pg_dump -Fc -Z0 -d base -f "$work/large"
    stop_server pg
}

# ---- what was acknowledged ----

declare -A dump_of # id -> number of the dump

# Runs a backup of a dump that nobody has stored yet; its exit in $status, its time in $ms.
try_backup() { # NUMBER
    local id start
    vary_dump "$base" "$1" "$work/dump"
    start=$(date +%s%N)
    status=0
    "$pgkeep" backup --file "$work/dump" --name shop --json >"$work/out" 2>"$work/err" ||
        status=$?
    ms=$((($(date +%s%N) - start) / 1000000))
    id=$(sed -nE 's/.*"id": *"([0-9a-f]{32})".*/\1/p' "$work/out")
    [[ $status -ne 0 || -n $id ]] || bad "backup $1: exit 0 and no id" "$work/out"
    [[ $status -eq 0 ]] || id=
    [[ -z $id ]] || dump_of[$id]=$1
}

# Whatever was acknowledged is listed, and as many as time allows come back to the byte; and all
# of the repository, also what could not say so, is whole.
all_is_there() { # WHAT
    local id restored=0 most=8
    [[ ${PGKEEP_LONG:-no} == no ]] || most=1000
    exits "$1: list" 0 "$pgkeep" list --json
    cp "$work/out" "$work/list"
    for id in "${!dump_of[@]}"; do
        grep -q "\"$id\"" "$work/list" || bad "$1: backup ${dump_of[$id]} is not listed"
        [[ $restored -lt $most ]] || continue
        restored=$((restored + 1))
        rm -f "$work/back"
        vary_dump "$base" "${dump_of[$id]}" "$work/dump"
        if ! "$pgkeep" restore "$id" --to-file "$work/back" >"$work/out" 2>"$work/err"; then
            bad "$1: backup ${dump_of[$id]} does not come back" "$work/err"
        elif ! cmp -s "$work/dump" "$work/back"; then
            bad "$1: backup ${dump_of[$id]} gives other bytes back"
        fi
    done
    ok "$1: ${#dump_of[@]} acknowledged backups looked for, $restored restored"
    exits "$1: verify" 0 "$pgkeep" verify
}
