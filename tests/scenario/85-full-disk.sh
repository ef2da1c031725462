#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The disk of the repository, of the catalog or of a restore is full: a clear message, nothing
# visible, and the next run is fine once there is space.
# The inner shells expand those quoted words.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

mkdir "$work/small" "$work/state"
if ! mount -t tmpfs -o size=8m,mode=755 none "$work/small" 2>"$work/err"; then
    cannot "no file system can be mounted here: $(<"$work/err")"
fi
mounts+=("$work/small")
mount -t tmpfs -o size=12m,mode=755 none "$work/state"
mounts+=("$work/state")

start_cluster pg
createdb shop
make_rows shop t1 20000
pg_dump -Fc -Z0 -d shop -f "$work/small.dump"
make_rows shop t2 400000
pg_dump -Fc -Z0 -d shop -f "$work/large.dump"
new_repository small/repo
use_recovery_code small/repo
mv "$work/small/repo.code" "$work/repo.code"
use_recovery_code repo
export PGKEEP_VOLATILE=t2 # it is in one of the dumps only

full() { # WHAT COMMAND...
    local what=$1
    shift
    exits "$what" 1 "$@"
    says "$what: the message says so" 'No space left on device'
}

# ---- the repository ----
exits 'a backup that fits' 0 "$pgkeep" backup --file "$work/small.dump" --name shop
visible 'a backup that fits' 1
full 'a backup that does not fit' "$pgkeep" backup --file "$work/large.dump" --name shop
visible 'a backup that does not fit' 1
exits 'verify what is there' 0 "$pgkeep" verify
quietly "$pgkeep" restore latest --to-file "$work/back"
same_file 'restore what is there' "$work/small.dump" "$work/back"
full 'a live database that does not fit' "$pgkeep" backup -d shop --name shop
if pgrep -f "pg_dump -Fc.*$work" >/dev/null; then bad 'pg_dump is still there'; else
    ok 'pg_dump is gone'
fi
visible 'a live database that does not fit' 1
# To the last byte, so that not even a manifest fits.
dd if=/dev/zero of="$work/small/ballast" bs=4k >/dev/null 2>&1 || true
full 'a disk without a byte' "$pgkeep" backup --file "$work/small.dump" --name shop
visible 'a disk without a byte' 1
exits 'list on it' 0 "$pgkeep" list
rm "$work/small/ballast"
mount -o remount,size=200m "$work/small"
exits 'next backup, with space' 0 "$pgkeep" backup --file "$work/large.dump" --name shop
visible 'next backup, with space' 2
exits 'verify' 0 "$pgkeep" verify
quietly "$pgkeep" restore latest --to-file "$work/back"
same_file 'restore' "$work/large.dump" "$work/back"
mount -o remount,ro "$work/small"
exits 'a repository that cannot be written' 1 "$pgkeep" backup --file "$work/small.dump"
says 'the message says so' 'Read-only file system'
exits 'verify it' 0 "$pgkeep" verify
mount -o remount,rw "$work/small"

# ---- the folder of the catalog ----
cp -a "$XDG_STATE_HOME/." "$work/state"
export XDG_STATE_HOME=$work/state
dd if=/dev/zero of="$work/state/ballast" bs=4k >/dev/null 2>&1 || true
before=$(manifests)
status=0
"$pgkeep" backup --file "$work/small.dump" --name shop --tag full >"$work/out" 2>"$work/err" ||
    status=$?
# Stored and said so, or refused and not stored: never one without the other.
case $status in
0) same 'state folder full, the backup stored' $((before + 1)) "$(manifests)" ;;
1)
    same 'state folder full, the backup refused' "$before" "$(manifests)"
    says 'the message says so' 'full|No space left'
    ;;
*) bad "state folder full: expected exit 0 or 1, found $status" "$work/out" "$work/err" ;;
esac
now=$(manifests)
rm "$work/state/ballast"
exits 'next backup, with space' 0 "$pgkeep" backup --file "$work/small.dump" --name shop
visible 'all of them' $((now + 1))
exits 'catalog check' 0 "$pgkeep" catalog check

# ---- where a restore goes to ----
mkdir "$work/target"
mount -t tmpfs -o size=1m,mode=755 none "$work/target"
mounts+=("$work/target")
full 'a restore that does not fit' "$pgkeep" restore latest~1 --to-file "$work/target/x" \
    --before '2999-01-01 00:00'
same 'nothing is left of it' '' "$(ls -A "$work/target")"
full 'standard output that is full' sh -c \
    '"$0" restore latest --to-file - >/dev/full' "$pgkeep"
exits 'a list that is not written' 1 sh -c '"$0" list >/dev/full' "$pgkeep"
