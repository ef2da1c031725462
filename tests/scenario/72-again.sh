#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A backup that was verified before is checked again chunk by chunk, which finds what the full
# way finds; what was found damaged goes the full way until it is good.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
pgkeep=${PGKEEP:-$root/build/dev/pgkeep}
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
run() {
    env -i HOME="$home" PATH=/usr/bin:/bin PGKEEP_REPOSITORY="$home/repo" \
        PGKEEP_PASSPHRASE=again "$pgkeep" "$@"
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
# How many backups went that way. again COUNT true|false, after verify --json
again() {
    local found
    found=$(grep -c "\"again\": $2" "$home/out" || true)
    [[ $found -eq $1 ]] || {
        echo "again $2: $found backups, expected $1"
        cat "$home/out"
        exit 1
    }
}
run init --quiet --recovery-file "$home/recovery"
for number in 15 16 17; do
    dump=$(find "$root/tests/fixtures/pgdump" -name "A-pg$number-none-file.dump")
    [[ -n $dump ]] || continue
    expect 0 backup --file "$dump" --name "again$number"
    expect 0 backup --file "$dump" --name "again$number"
done
count=$(run list --json | grep -c '"id":')
[[ $count -ge 2 ]]
expect 0 verify --level objects --json
again "$count" false
expect 0 verify --json # the first time at this level
again "$count" false
expect 0 verify --json
again "$count" true
expect 0 verify --json --full
again "$count" false
expect 0 verify --json --level objects
again "$count" false
expect 0 verify
[[ $(grep -c 'good (data)' "$home/out") -eq $count ]]
expect 0 verify --copy-sha256
grep -q '^[0-9a-f]\{64\}  ' "$home/out"
echo "ok: what was verified before is checked again, unless it is to be full"

verdicts() {
    grep -v '^verified' "$home/out" | sort
}
for at in 20 2000 -40; do
    pack=$(find "$home/repo/packs" -type f | sort | head -n 1)
    cp -a "$pack" "$home/pack"
    chmod u+w "$pack"
    [[ $at -ge 0 ]] || at=$(($(stat -c %s "$pack") + at))
    printf 'x' | dd of="$pack" bs=1 seek="$at" conv=notrunc status=none
    cp -a "$home/.local" "$home/local"
    expect 4 verify
    verdicts >"$home/again"
    rm -rf "$home/.local"
    mv "$home/local" "$home/.local"
    expect 4 verify --full
    verdicts | cmp - "$home/again" || {
        cat "$home/again" "$home/out"
        exit 1
    }
    bad=$(grep -c DAMAGED "$home/out")
    expect 4 verify --json
    again "$bad" false
    again $((count - bad)) true
    cp -a "$home/pack" "$pack"
    expect 0 verify --json
    again "$bad" false
    expect 0 verify --json
    again "$count" true
done
echo "ok: damage is found again, and goes the full way until it is mended"
