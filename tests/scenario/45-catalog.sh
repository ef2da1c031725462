#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The catalog is a cache: what a rebuild makes of the repository equals what the backups wrote,
# history stays, and a catalog that lies is found.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
pgkeep=${PGKEEP:-$root/build/dev/pgkeep}
dumps=$root/tests/fixtures/pgdump
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
run() {
    env -i HOME="$home" PATH=/usr/bin:/bin PGKEEP_REPOSITORY="$home/repo" \
        PGKEEP_PASSPHRASE=catalog "$pgkeep" "$@"
}
# expect CODE ARGUMENT...
expect() {
    local want=$1 got=0
    shift
    run "$@" >"$home/out" 2>&1 || got=$?
    [[ $got -eq $want ]] || {
        echo "pgkeep $*: exit $got, expected $want"
        cat "$home/out"
        exit 1
    }
}
run init --quiet --recovery-file "$home/recovery"
for dump in "$dumps"/A-pg1[578]-none-*.dump "$dumps"/A-pg17-gzip-pipe.dump; do
    expect 0 backup --quiet --file "$dump" --name catalog
done
expect 0 verify --quiet
expect 0 catalog check
echo "ok: the catalog that backups wrote equals one made from the repository"

run list --json >"$home/before"
grep -q '"verified"' "$home/before"
file=$(find "$home/.local/state" -name catalog.sqlite)
expect 0 catalog rebuild
run list --json | cmp - "$home/before"
expect 0 catalog check
echo "ok: a rebuild gives the same list, and keeps who was verified"

pids=()
for i in 1 2 3 4 5 6; do
    run catalog rebuild >"$home/rebuild$i" 2>&1 &
    pids+=($!)
done
done=0
for pid in "${pids[@]}"; do
    status=0
    wait "$pid" || status=$?
    [[ $status -eq 0 || $status -eq 75 ]] || {
        echo "a rebuild beside others: exit $status"
        cat "$home"/rebuild?
        exit 1
    }
    [[ $status -ne 0 ]] || done=$((done + 1))
done
[[ $done -ge 1 ]]
run list --json | cmp - "$home/before"
echo "ok: six rebuilds at once: $done done, the others busy, no history lost"

python3 - "$file" <<'PY'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("update chunk set offset = offset + 1"
          " where chunk_id = (select min(chunk_id) from chunk)")
c.commit()
PY
expect 4 catalog check
grep -q 'chunk' "$home/out"
expect 0 catalog rebuild
expect 0 catalog check
echo "ok: one changed number is found, and a rebuild mends it"

printf 'no database' >"$file"
rm -f "$file-wal" "$file-shm"
expect 4 list
grep -q 'catalog rebuild' "$home/out"
expect 0 catalog rebuild
expect 0 catalog check
echo "ok: a destroyed file is told with the way out"

printf 'somebody else\n' >"$home/text"
chmod 644 "$home/text"
expect 4 list --catalog "$home/text"
expect 2 catalog rebuild --catalog "$home/text"
[[ $(<"$home/text") == 'somebody else' && $(stat -c %a "$home/text") == 644 ]]
echo "ok: a file that is no catalog keeps its content and its mode"

rm -f "$file"
run list --json >"$home/after"
[[ $(grep -c '"id"' "$home/after") -eq $(grep -c '"id"' "$home/before") ]]
expect 0 backup --file "$dumps/A-pg17-none-file.dump" --name catalog
grep -q ' 0 B new in the repository' "$home/out"
echo "ok: without a catalog the next backup still finds every chunk again"
