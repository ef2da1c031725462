#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A store that is slower than the database: the dump is read to its end while packs wait in the
# spool; an interruption leaves nothing; and a replica on the other side of the network stands
# in for a primary that is gone.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

start_cluster pg
createdb shop
# 150 MB of rows, 60 when they are stored: four packs, of which two are sent at once.
sql shop 'CREATE TABLE big (id int, v text)' 'INSERT INTO big SELECT i, (
    SELECT string_agg(md5(i::text || k), NULL) FROM generate_series(1, 32) k)
    FROM generate_series(1, 150000) i'
pg_dump -Fc -Z0 -d shop -f "$work/dump"
sql shop 'UPDATE big SET v = reverse(v)'
pg_dump -Fc -Z0 -d shop -f "$work/other"
stop_server pg
need_s3
s3_place=$place
need_sftp
sftp_place=$place

leftovers() { # what a run may not leave beside the catalog
    local known='catalog\.sqlite(-wal|-shm|\.lock)?|[0-9a-f]+\.(rows|lock|sequence)'
    find "$XDG_STATE_HOME" -type f | grep -vE "/($known|sequence\.lock)$" || true
}

slow_store() { # NAME URL
    new_home "slow-$1"
    new_repository "slow-$1" "$2"
    use_recovery_code "slow-$1"
    # Interrupted while it uploads: nothing is acknowledged, nothing is left.
    "$pgkeep" backup -v --limit-upload 1M --file "$work/dump" --name shop \
        >"$work/out" 2>"$work/err" &
    local child=$! status=0
    background+=("$child")
    wait_for "$1: packs wait, the dump does not" grep -q 'still to be stored' "$work/err"
    # All four: two on their way and two that only a spool could take.
    left=$(mib_left)
    if [[ ${left:-0} -ge 50 ]]; then ok "$1: $left MiB wait"; else
        bad "$1: expected 50 MiB or more that wait" "$work/err"
    fi
    kill -TERM "$child"
    wait "$child" || status=$?
    same "$1: interrupted" 143 "$status"
    same "$1: no backup is there" 0 "$(listed)"
    same "$1: nothing is left in the state folder" '' "$(leftovers)"
    exits "$1: the same once more" 0 "$pgkeep" backup -v --limit-upload 8M \
        --file "$work/dump" --name shop
    exits "$1: restored" 0 "$pgkeep" restore latest --to-file "$work/back"
    same_file "$1: to the byte" "$work/dump" "$work/back"
    rm "$work/back"
    # Without a spool the dump waits; it is no less right.
    exits "$1: without a spool" 0 "$pgkeep" backup -v --spool 0 --limit-upload 16M \
        --file "$work/other" --name other
    at_most "$1: then the dump waits for all but three packs" 48 "$(mib_left)"
}
mib_left() { # when the dump was read
    sed -nE 's/.*packs of ([0-9]+)[0-9.]* MiB are still to be stored.*/\1/p' "$work/err"
}
slow_store s3 "$s3_place"
slow_store sftp "$sftp_place"

# From a disk to S3, from there to SFTP, and back: each stands in for the others.
new_home copies
new_repository primary
use_recovery_code primary
quietly "$pgkeep" backup --file "$work/dump" --name shop
primary=$PGKEEP_REPOSITORY
s3_copy=$(fresh_place "$PGKEEP_TEST_S3_URL")
sftp_copy=$(fresh_place "$PGKEEP_TEST_SFTP_URL")
exits 'a replica on S3' 0 "$pgkeep" copy --from "$primary" --to "$s3_copy"
mv "$primary" "$primary.gone"
exits 'verified without the primary' 0 "$pgkeep" -r "$s3_copy" verify
exits 'restored without the primary' 0 \
    "$pgkeep" -r "$s3_copy" restore latest --to-file "$work/back"
same_file 'to the byte' "$work/dump" "$work/back"
exits 'a replica of the replica, over SFTP' 0 "$pgkeep" copy --from "$s3_copy" --to "$sftp_copy"
exits 'a primary made of that' 0 "$pgkeep" copy --from "$sftp_copy" --to "$primary"
exits 'verified' 0 "$pgkeep" -r "$primary" verify
exits 'nothing to do' 0 "$pgkeep" copy --from "$primary" --to "$s3_copy"
says 'that it says so' '^nothing to copy'
exits 'doctor on S3' 0 "$pgkeep" -r "$s3_copy" doctor
says 'what the store can do' '^ok +store +S3; create-if-absent: '
exits 'doctor over SFTP' 0 "$pgkeep" -r "$sftp_copy" doctor
says 'what the store can do' '^ok +store +SFTP; create-if-absent: '
