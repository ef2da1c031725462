#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The machine is gone; the repository and one secret are left. Everything must work from them,
# and the next backup must find last night's chunks again. In a directory, on S3 and over SFTP.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

start_cluster pg
make_fixture shop
make_rows shop big 40000

# Our pg_dump reads the same bytes each time, so a dump taken by hand is what must come back.
night() { # NUMBER
    pg_dump -Fc -Z0 -d shop -f "$work/night$1.dump"
    quietly "$pgkeep" backup --file "$work/night$1.dump" --name shop --kind nightly
    quietly "$pgkeep" backup -d shop --name live --kind nightly
}

two_nights() { # PLACE [URL]
    place_name=$1
    new_home "first-$1"
    new_repository "repo-$1" "${2:-}"
    night 1
    sql shop "UPDATE big SET v = 'night at $1' WHERE id % 1000 = 0" \
        "INSERT INTO big VALUES (0, 'new') ON CONFLICT DO NOTHING"
    night 2
    visible "$1: two nights of two sources" 4
    first=$(backup_id 1)
    second=$(backup_id 3)
    code=$(<"$work/repo-$1.code")
    "$pgkeep" list --json | facts >"$work/list"
}

# What of the list comes from the repository.
facts() {
    grep -E '"(id|time|source|rows|tables|dump_bytes)":' || true
}

bare() { # COMMAND...
    env -i PGKEEP_REPOSITORY="$PGKEEP_REPOSITORY" "${store_keys[@]}" "$secret" "${with[@]}" "$@"
}

machines() { # SECRET-NAME SECRET
    set -- "$place_name, $1" "$2"
    secret=$2
    rm -rf "$HOME"
    new_home "machine"
    with=(HOME="$HOME")
    exits "$1: list" 0 bare "$pgkeep" list --json
    facts <"$work/out" >"$work/list2"
    same_file "$1: the list is the old one" "$work/list" "$work/list2"
    exits "$1: list for people" 0 bare "$pgkeep" list
    exits "$1: verify" 0 bare "$pgkeep" verify
    says "$1: verified to the data" 'good \(data\)'
    rm -rf "$HOME"
    for i in 1 2; do
        id=$first
        [[ $i -eq 1 ]] || id=$second
        exits "$1: restore night $i" 0 bare "$pgkeep" restore "$id" --to-file "$work/back.dump"
        same_file "$1: night $i to the byte" "$work/night$i.dump" "$work/back.dump"
    done
    with+=(PGHOST="$PGHOST" PGUSER=postgres)
    exits "$1: restore into a database" 0 bare "$pgkeep" restore "$second" --into-new back
    describe shop "$work/source"
    describe back "$work/back"
    same_database "$1: restored database" "$work/source" "$work/back"
    sql postgres 'DROP DATABASE back'
    rm -rf "$HOME"
    exits "$1: next backup of the live database" 0 \
        bare "$pgkeep" backup -d shop --name live --kind nightly --json
    at_most "$1: bytes stored by a backup of what is there" 50000 \
        "$(sed -nE 's/.*"stored_bytes": *([0-9]+).*/\1/p' "$work/out")"
    exits "$1: verify after it" 0 bare "$pgkeep" verify
    exits "$1: list after it" 0 bare "$pgkeep" list --json
    same "$1: one backup more" $(($(grep -c '"id"' "$work/list") + 1)) \
        "$(grep -cE '^ *"id":' "$work/out")"
    # The catalog is a cache: the machine that was enrolled anew can lose it as the first could.
    rm -rf "$HOME/.local"
    exits "$1: list, the catalog lost again" 0 bare "$pgkeep" list --json
    rm -rf "$HOME/.local"
    exits "$1: next backup, the catalog lost, by the keys of the host" 0 \
        env -i PGKEEP_REPOSITORY="$PGKEEP_REPOSITORY" "${store_keys[@]}" "${with[@]}" \
        "$pgkeep" backup -d shop --name live
    exits "$1: the file of last night once more" 0 \
        bare "$pgkeep" backup --file "$work/night2.dump" --name shop
    exits "$1: list at the end" 0 bare "$pgkeep" list --json
    facts <"$work/out" >"$work/list"
}
store_keys=()
for place_of in directory s3 sftp; do
    case $place_of in
    directory) two_nights directory ;;
    s3)
        need_s3
        two_nights s3 "$place"
        for name in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
            store_keys+=("$name=${!name}")
        done
        ;;
    sftp)
        need_sftp
        two_nights sftp "$place"
        store_keys=()
        ;;
    esac
    machines passphrase "PGKEEP_PASSPHRASE=$PGKEEP_PASSPHRASE"
    machines code "PGKEEP_RECOVERY_KEY=$code"
done

two_nights last

# ---- not even HOME: root's own folders, played in a mount namespace ----
folders=$work/folders
mkdir -p "$folders"/{etc,scratch,lib}
without_home() { # COMMAND...
    # shellcheck disable=SC2016
    bare unshare --mount sh -c '
        mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/etc,workdir=$0/scratch" /etc &&
            mount --bind "$0/lib" /var/lib && exec "$@"' "$folders" "$@"
}
with=(PATH="$PATH")
secret=PGKEEP_PASSPHRASE=$PGKEEP_PASSPHRASE
if [[ $(id -u) -ne 0 ]] || ! without_home true 2>/dev/null; then
    cannot 'without HOME: only root with mount namespaces can play that without a trace'
fi
for secret in "PGKEEP_PASSPHRASE=$PGKEEP_PASSPHRASE" "PGKEEP_RECOVERY_KEY=$code"; do
    name="no HOME, ${secret%%=*}"
    rm -rf "$folders"/{etc,lib}/pgkeep
    exits "$name: list" 0 without_home "$pgkeep" list --json
    same "$name: all are listed" "$(grep -c '"id"' "$work/list")" \
        "$(grep -cE '^ *"id":' "$work/out")"
    exits "$name: verify" 0 without_home "$pgkeep" verify "$first"
    exits "$name: restore" 0 without_home "$pgkeep" restore "$first" --to-file "$work/back.dump"
    same_file "$name: night 1 to the byte" "$work/night1.dump" "$work/back.dump"
    exits "$name: next backup" 0 \
        without_home "$pgkeep" backup --file "$work/night2.dump" --name shop
    without_home "$pgkeep" list --json >"$work/list"
done
state=$(ls "$folders/lib/pgkeep")
absent 'the machine itself was left alone' "/var/lib/pgkeep/$state"
