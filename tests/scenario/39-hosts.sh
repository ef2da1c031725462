#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Several hosts use one repository at once, on each kind of store: they enrol in the same
# moment; while one of them is in the middle of a backup and has stored packs already, others
# back up, verify and copy to their end; then it dies, and another one stores the same rows.
# All that was acknowledged is there for everybody.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

make_dumps 1200000
need_s3
s3_place=$place
need_sftp
sftp_place=$place
for number in 1 2 3 11 12 13; do
    vary_dump "$base" "$number" "$work/dump.$number"
done
ln -s large "$work/dump.21"
vary_dump "$work/large" 22 "$work/other"
hosts=(1 2 3)

as_host() { # HOST COMMAND...: on a machine of its own
    new_home "$kind-$1"
    shift
    exec "$@"
}

begin() { # LOG HOST COMMAND...: in the background; its process in $child
    (as_host "${@:2}") >"$work/out.$1" 2>"$work/err.$1" &
    child=$!
    background+=("$child")
}

ends_well() { # WHAT PROCESS LOG
    local status=0
    wait "$2" || status=$?
    if [[ $status -eq 0 ]]; then ok "$1"; else bad "$1: exit $status" "$work/err.$3"; fi
}

backup() { # HOST NUMBER NAME
    begin "$2" "$1" "$pgkeep" backup --file "$work/dump.$2" --name "$3" --json
}

together() { # WHAT FIRST-NUMBER HOST...: one backup each
    local host number children=()
    for host in "${@:3}"; do
        backup "$host" $(($2 + host)) "db$host"
        children[host]=$child
    done
    for host in "${@:3}"; do
        number=$(($2 + host))
        ends_well "$kind: $1, host $host" "${children[host]}" "$number"
    done
}

new_says() { # WHAT LOG COMMAND...: on a machine that has stored nothing
    begin "$2" new "${@:3}"
    ends_well "$kind: $1" "$child" "$2"
}

all_see() { # COUNT
    local host
    for host in "${hosts[@]}" new; do
        same "$kind: what host $host sees" "$1" "$(as_host "$host" "$pgkeep" list --json |
            grep -cE '^ *"id":')"
    done
}

packs() {
    case $kind in
    directory) find "$work/directory/packs" -type f ;;
    s3) s3 list packs/ ;;
    sftp) find "$PGKEEP_TEST_SFTP_FOLDER/$(basename "${place%%\?*}")/packs" -type f ;;
    esac | wc -l
}

has_more_packs() { # THAN
    [[ $(packs) -gt $1 ]]
}

# One whose dump comes to a halt behind its first packs; $dead.
begin_half() { # FILE
    local stored
    stored=$(packs)
    mkfifo "$work/half"
    (as_host 1 "$pgkeep" backup --stdin --name same) <"$work/half" >"$work/out.dead" \
        2>"$work/err.dead" &
    dead=$!
    background+=("$dead")
    exec 9>"$work/half"
    head -c 44000000 "$1" >&9 || fail "$kind: the dump is not read" "$work/err.dead"
    wait_for "$kind: packs of one that is not done" has_more_packs "$stored"
}

kill_half() {
    local before=$killed
    kill_after "$kind: a backup" 0 "$dead" "$work/err.dead"
    exec 9>&-
    rm "$work/half"
    same "$kind: it was in the middle" $((before + 1)) "$killed"
}

# Everything goes while a backup is in its middle: what comes later finds no repository.
remove_all() {
    local key
    case $kind in
    directory) rm -r "${PGKEEP_REPOSITORY:?}" ;;
    s3) while read -r _ key; do s3 remove "$key"; done < <(s3 list) ;;
    sftp) rm -r "${PGKEEP_TEST_SFTP_FOLDER:?}/$(basename "${place%%\?*}")" ;;
    esac
}

removed_under_a_backup() {
    local status=0
    begin_half "$work/other"
    remove_all
    tail -c +44000001 "$work/other" >&9 || true
    exec 9>&-
    rm "$work/half"
    wait "$dead" || status=$?
    case $status in
    1 | 10) ok "$kind: a repository that is gone acknowledges nothing (exit $status)" ;;
    *) bad "$kind: expected exit 1 or 10 of a repository that is gone, found $status" \
        "$work/out.dead" "$work/err.dead" ;;
    esac
}

# A machine whose folder for state is on a disk that cannot be written.
reads_without_state() {
    new_says 'restored without a folder for state' back \
        env XDG_STATE_HOME=/proc/none "$pgkeep" restore latest --source same \
        --to-file "$work/back"
    same_file "$kind: to the byte" "$work/large" "$work/back"
    grep -q 'made anew for this run only' "$work/err.back" ||
        bad "$kind: expected a warning" "$work/err.back"
}

on_store() { # KIND [URL]
    kind=$1
    place=${2:-}
    local id number reader copier
    new_repository "$kind" "$place"
    use_recovery_code "$kind"
    together 'enrolled and stored at once' 0 "${hosts[@]}"
    all_see 3
    grep -h 'never enrolled' "$work"/err.* &&
        bad "$kind: hosts that enrolled at once were taken for strangers"

    begin_half "$work/large"
    begin verify reader "$pgkeep" verify
    reader=$child
    begin copy copier "$pgkeep" copy --from "$PGKEEP_REPOSITORY" --to "$work/$kind.copy"
    copier=$child
    together 'stored beside them' 10 2 3
    ends_well "$kind: verified meanwhile" "$reader" verify
    ends_well "$kind: copied meanwhile" "$copier" copy
    new_says 'the replica is whole' replica "$pgkeep" -r "$work/$kind.copy" verify
    number=$(grep -c 'good (data)' "$work/out.replica")
    if [[ $number -ge 3 ]]; then ok "$kind: $number backups in it"; else
        bad "$kind: expected 3 or more backups in the replica" "$work/out.replica"
    fi
    kill -0 "$dead" || bad "$kind: the one in the middle has ended" "$work/err.dead"
    kill_half
    all_see 5

    # The same rows by another host; and the one that died comes back.
    backup 2 21 same
    ends_well "$kind: what the dead one had in part" "$child" 21
    together 'stored again' 10 1
    all_see 7

    for number in 1 2 3 11 12 13 21; do
        id=$(sed -nE 's/.*"id": *"([0-9a-f]{32})".*/\1/p' "$work/out.$number")
        rm -f "$work/back"
        new_says "dump $number comes back" back \
            "$pgkeep" restore "$id" --to-file "$work/back"
        same_file "$kind: to the byte" "$work/dump.$number" "$work/back"
    done
    new_says 'verified at the end' end "$pgkeep" verify
    begin check 3 "$pgkeep" catalog check
    ends_well "$kind: a catalog that is only behind is sound" "$child" check
    reads_without_state
    removed_under_a_backup
}

on_store directory
on_store s3 "$s3_place"
on_store sftp "$sftp_place"
