#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What was found damaged is not built upon, what is gone is told, and what could not be checked
# is not called good.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
pgkeep=${PGKEEP:-$root/build/dev/pgkeep}
dump=$root/tests/fixtures/pgdump/A-pg17-none-file.dump
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
run() {
    env -i HOME="$home" PATH=/usr/bin:/bin PGKEEP_REPOSITORY="$home/repo" \
        PGKEEP_PASSPHRASE=rot "$pgkeep" "$@"
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
expect 0 backup --file "$dump" --name rot
pack=$(find "$home/repo/packs" -type f)
chmod u+w "$pack"
printf 'x' | dd of="$pack" bs=1 seek=2000 conv=notrunc status=none
expect 4 verify
grep -q 'SHA-256 is not its name' "$home/out"
expect 0 backup --file "$dump" --name rot
if grep -q ' 0 B new' "$home/out"; then
    echo "a backup after rot was found points into the rotten pack"
    exit 1
fi
expect 0 verify latest
run restore latest --quiet --to-file "$home/back"
cmp "$home/back" "$dump"
echo "ok: a backup after rot was found does not point into the rotten pack"

rm -rf "$home/.local"
expect 0 backup --file "$dump" --name rot
expect 0 verify latest
echo "ok: nor does one with a new catalog"

sequence() {
    run list --json | sed -n 's/.*"sequence": \([0-9]*\).*/\1/p' | tail -n 1
}
[[ $(sequence) -eq 3 ]]
newest=$(run list --json | sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p' | tail -n 1)
rm "$home/repo/backups/$newest"
expect 0 list
grep -q "backup $newest was in the repository and is gone" "$home/out"
expect 0 backup --file "$dump" --name rot
[[ $(sequence) -eq 4 ]]
echo "ok: a manifest that is gone is told, and its number is not given out again"

expect 1 -r "$home/repo" init --recovery-file "$home/again"
grep -q 'there is a repository already' "$home/out"
rm -r "$home/repo/packs"
expect 0 backup --file "$dump" --name rot
grep -q 'was in the repository and is gone.*verify' "$home/out"
expect 0 verify latest
expect 4 verify
expect 1 doctor
grep -q 'known to be damaged' "$home/out"
echo "ok: packs that are gone are told by the next backup, which does without them"

env -i HOME="$home" PATH=/usr/bin:/bin PGKEEP_REPOSITORY="$home/repo" PGKEEP_PASSPHRASE=rot \
    PGKEEP_SOURCE=other "$pgkeep" backup --quiet --file "$dump" --name rot
mkdir "$home/html"
echo '<html>not found</html>' >"$home/html/config"
expect 4 -r "$home/html" list
grep -q 'hint: does the URL name the repository' "$home/out"
echo "ok: a repository that is none is not taken for a damaged one without a word"

expect 1 verify --source nobody
expect 2 backup -d one -d two
expect 2 -r @offsite init --recovery-file "$home/other"
echo "ok: nothing to verify, two databases, a repository of no configuration: refused"
