#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --seekable makes of a dump that was piped what pg_dump would have written to a file: the same
# bytes but for the time in the header, and pg_restore finds one table without reading the rest.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
make_fixture shop
make_rows shop big 300000
make_rows shop small 100
pg_dump -Fc -Z0 -d shop | cat >"$work/piped"
pg_dump -Fc -Z0 -d shop -f "$work/written"
new_repository repo
use_recovery_code repo
quietly "$pgkeep" backup --file "$work/piped" --name shop

exits 'as it was' 0 "$pgkeep" restore latest --to-file "$work/back"
same_file 'to the byte' "$work/piped" "$work/back"
exits 'seekable' 0 "$pgkeep" restore latest --to-file "$work/sought" --seekable
# Magic, version, sizes, compression (an int in 1.14) and the seven numbers of the time.
tail -c +52 "$work/sought" >"$work/a"
tail -c +52 "$work/written" >"$work/b"
same_file 'what pg_dump writes where it can seek' "$work/b" "$work/a"
cmp -s "$work/piped" "$work/sought" && bad 'expected other bytes than the piped dump has'

read_bytes() { # FILE: of it, by pg_restore, for one small table
    strace -f -e trace=read,pread64 -o "$work/trace" pg_restore -t small -f /dev/null "$1"
    awk -F'= ' '{ sum += $NF } END { print int(sum) }' "$work/trace"
}
at_most 'bytes that pg_restore reads for a small table' \
    $(($(read_bytes "$work/back") / 20)) "$(read_bytes "$work/sought")"
createdb jobs
exits 'pg_restore with two jobs' 0 pg_restore -j 2 -d jobs "$work/sought"
describe shop "$work/source"
describe jobs "$work/restored"
same_database 'the database' "$work/source" "$work/restored"

# A part is an archive of its own, and can be sought in as well.
exits 'a part, seekable' 0 "$pgkeep" restore latest -t big -t small --to-file "$work/part" \
    --seekable
same 'rows of the part' 100 "$(pg_restore -t small -a -f - "$work/part" | grep -cE '^[0-9]+	')"
exits 'not to standard output' 2 "$pgkeep" restore latest --to-file - --seekable
exits 'not to a device' 2 "$pgkeep" restore latest --to-file /dev/null --seekable
exits 'not into a database' 2 "$pgkeep" restore latest --seekable
