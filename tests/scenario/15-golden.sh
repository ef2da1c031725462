#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The golden repository opens with its passphrase and with its recovery code, verifies, and
# gives back the dumps it was made of, to the byte.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
home=$work/golden
mkdir "$home"
take_golden "$home"

with() { # VARIABLE=VALUE ARGUMENT...
    local key=$1
    shift
    env -i "$key" HOME="$home" PATH=/usr/bin:/bin PGKEEP_REPOSITORY="$home/repo" "$pgkeep" "$@"
}

for key in PGKEEP_PASSPHRASE=golden PGKEEP_RECOVERY_KEY_FILE="$home/repo.code"; do
    rm -rf "$home/.config" "$home/.local"
    with "$key" verify --quiet
    for ((i = 0; i < ${#ids[@]}; i++)); do
        with "$key" restore "${ids[i]}" --quiet --to-file "$home/out"
        sum=$(sha256sum <"$home/out" | cut -d' ' -f1)
        [[ $sum == "${sums[i]}" ]] || {
            echo "backup ${ids[i]} gives $sum, expected ${sums[i]}"
            exit 1
        }
        rm "$home/out"
    done
    echo "ok: ${#ids[@]} golden backups with ${key%%=*}"
done
if with PGKEEP_PASSPHRASE=leaden verify --quiet 2>"$home/err"; then
    echo "a wrong passphrase opened the repository"
    exit 1
fi
grep -q 'wrong passphrase' "$home/err"
echo "ok: a wrong passphrase is refused"
