#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Several hosts use one repository at once, on each kind of store: they enrol in the same
# moment, back up while another one verifies and copies, one dies in the middle, two have a
# source of the same name. Nobody waits for another, and all of it is there for everybody.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

start_cluster pg
base=$work/base
make_base_dump "$base" 60000
stop_server pg
need_s3
s3_place=$place
need_sftp
sftp_place=$place
for number in 1 2 3 11 12 13 21; do
    vary_dump "$base" "$number" "$work/dump.$number"
done
hosts=(1 2 3)

as_host() { # HOST COMMAND...: on a machine of its own
    new_home "$kind-$1"
    shift
    exec "$@"
}

backup() { # HOST NUMBER NAME [OPTION...]: in the background; its process in $child
    (as_host "$1" "$pgkeep" backup -v --file "$work/dump.$2" --name "$3" --json "${@:4}") \
        >"$work/out.$2" 2>"$work/err.$2" &
    child=$!
}

ends_well() { # WHAT PROCESS LOG
    local status=0
    wait "$2" || status=$?
    if [[ $status -eq 0 ]]; then ok "$1"; else bad "$1: exit $status" "$3"; fi
}

together() { # WHAT FIRST-NUMBER: one backup a host
    local host children=()
    for host in "${hosts[@]}"; do
        backup "$host" $(($2 + host)) "db$host"
        children+=("$child")
    done
    for host in "${hosts[@]}"; do
        ends_well "$kind: $1, host $host" "${children[host - 1]}" "$work/err.$(($2 + host))"
    done
}

all_see() { # COUNT
    local host
    for host in "${hosts[@]}" new; do
        same "$kind: what host $host sees" "$1" "$(as_host "$host" "$pgkeep" list --json |
            grep -cE '^ *"id":')"
    done
}

on_store() { # KIND [URL]
    kind=$1
    local id number reader copier dead before
    new_repository "$kind" "${2:-}"
    use_recovery_code "$kind"
    together 'enrolled and stored at once' 0
    all_see 3

    # Again, while somebody reads it all and somebody makes a replica of what there is.
    (as_host reader "$pgkeep" verify) >"$work/out.verify" 2>"$work/err.verify" &
    reader=$!
    (as_host copier "$pgkeep" copy --from "$PGKEEP_REPOSITORY" --to "$work/$kind.copy") \
        >"$work/out.copy" 2>"$work/err.copy" &
    copier=$!
    together 'stored again' 10
    ends_well "$kind: verified meanwhile" "$reader" "$work/err.verify"
    ends_well "$kind: copied meanwhile" "$copier" "$work/err.copy"
    (as_host reader "$pgkeep" -r "$work/$kind.copy" verify) >"$work/out" 2>"$work/err" ||
        bad "$kind: the replica" "$work/err"

    # One dies in the middle of a dump; another one has a source of the same name meanwhile.
    mkfifo "$work/half"
    (as_host 1 "$pgkeep" backup --stdin --name same) <"$work/half" >"$work/out.dead" \
        2>"$work/err.dead" &
    dead=$!
    exec 9>"$work/half"
    head -c 1000000 "$work/dump.21" >&9
    backup 2 21 same
    ends_well "$kind: beside one that waits" "$child" "$work/err.21"
    before=$killed
    kill_after "$kind: a backup" 0 "$dead"
    exec 9>&-
    rm "$work/half"
    same "$kind: it was in the middle" $((before + 1)) "$killed"
    all_see 7
    # The one that died comes back as it was.
    backup 1 21 same
    ends_well "$kind: the dead one again" "$child" "$work/err.21"
    all_see 8

    for number in 1 2 3 11 12 13 21; do
        id=$(sed -nE 's/.*"id": *"([0-9a-f]{32})".*/\1/p' "$work/out.$number")
        rm -f "$work/back"
        (as_host new "$pgkeep" restore "$id" --to-file "$work/back") >"$work/out" \
            2>"$work/err" || bad "$kind: dump $number does not come back" "$work/err"
        same_file "$kind: dump $number" "$work/dump.$number" "$work/back"
    done
    (as_host new "$pgkeep" verify) >"$work/out" 2>"$work/err" ||
        bad "$kind: verified at the end" "$work/err"
}

on_store directory
on_store s3 "$s3_place"
on_store sftp "$sftp_place"
