#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The golden repository opens with its passphrase and with its recovery code, verifies, and
# gives back the dumps it was made of, to the byte.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
pgkeep=${PGKEEP:-$root/build/dev/pgkeep}
golden=$root/tests/golden/v0
dumps=$root/tests/fixtures/pgdump
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
cp -r "$golden/repo" "$home/repo"
install -m 600 "$golden/recovery" "$home/recovery"
names=(A-pg15-none-file A-pg18-none-redirect A-pg17-zstd-pipe A-pg17-zstd-pipe-dataonly)

with() { # VARIABLE=VALUE ARGUMENT...
    local key=$1
    shift
    env -i "$key" HOME="$home" PATH=/usr/bin:/bin PGKEEP_REPOSITORY="$home/repo" "$pgkeep" "$@"
}

for key in PGKEEP_PASSPHRASE=golden PGKEEP_RECOVERY_KEY_FILE="$home/recovery"; do
    rm -rf "$home/.config" "$home/.local"
    with "$key" verify --quiet
    i=0
    while read -r id; do
        with "$key" restore "$id" --quiet --to-file "$home/out"
        cmp "$home/out" "$dumps/${names[i]}.dump"
        i=$((i + 1))
    done <"$golden/ids"
    [[ $i -eq 4 ]] || {
        echo "$i backups, expected 4"
        exit 1
    }
    echo "ok: 4 golden backups with ${key%%=*}"
done
if with PGKEEP_PASSPHRASE=leaden verify --quiet 2>"$home/err"; then
    echo "a wrong passphrase opened the repository"
    exit 1
fi
grep -q 'wrong passphrase' "$home/err"
echo "ok: a wrong passphrase is refused"
