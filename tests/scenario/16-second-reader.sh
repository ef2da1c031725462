#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A second reader, written in another language from docs/FORMAT.md alone, gives back the dumps
# of the golden repository to the byte with either secret. It refuses a wrong passphrase, and
# every pack and manifest in which one byte is changed, and leaves no file behind.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
reader=${READER:-$root/tools/read-backup}
home=$work/golden
mkdir -p "$home/out"
take_golden "$home"
recovery=PGKEEP_RECOVERY_KEY_FILE=$home/repo.code

with() { # VARIABLE=VALUE ARGUMENT...
    local key=$1
    shift
    env -i "$key" PATH=/usr/bin:/bin "$reader" "$home/repo" "$@"
}

refused() { # WHAT VARIABLE=VALUE ID
    if with "$2" extract "$3" "$home/out/dump" 2>"$home/err"; then
        echo "$1: backup $3 was extracted all the same"
        exit 1
    fi
    [[ -z $(ls -A "$home/out") ]] || {
        echo "$1: a file was left behind"
        exit 1
    }
    [[ $(wc -l <"$home/err") -eq 1 && $(<"$home/err") == "read-backup: "* ]] || {
        echo "$1: no message of one line:"
        cat "$home/err"
        exit 1
    }
}

# A manifest names its packs in the open: the first backup in whose closure a pack stands.
owner_of() { # PACK
    local id sha
    sha=$(basename "$1")
    for id in "${ids[@]}"; do
        if [[ ${manifests[$id]} == *"${sha%-*}"* ]]; then
            echo "$id"
            return
        fi
    done
    echo "no backup needs $1" >&2
    exit 1
}

for key in "$recovery" PGKEEP_PASSPHRASE=golden; do
    listed=$(with "$key" list | wc -l)
    [[ $listed -eq 16 ]] || {
        echo "$listed backups are listed, expected 16"
        exit 1
    }
    for ((i = 0; i < ${#ids[@]}; i++)); do
        with "$key" extract "${ids[i]}" "$home/out/dump"
        sum=$(sha256sum <"$home/out/dump" | cut -d' ' -f1)
        [[ $sum == "${sums[i]}" ]] || {
            echo "backup ${ids[i]} gives $sum, expected ${sums[i]}"
            exit 1
        }
        rm "$home/out/dump"
    done
    echo "ok: ${#ids[@]} golden backups with ${key%%=*}"
done

with "$recovery" extract --row-hashes latest - >"$home/latest"
[[ $(sha256sum <"$home/latest") == "${sums[15]}"* ]] || {
    echo "latest is not the dump ${sums[15]}"
    exit 1
}
echo "ok: the hash of every row of the latest backup, and stdout"

refused 'wrong passphrase' PGKEEP_PASSPHRASE=leaden "${ids[0]}"
grep -q 'wrong passphrase' "$home/err"
echo "ok: a wrong passphrase is refused"

declare -A manifests
for id in "${ids[@]}"; do
    manifests[$id]=$(od -An -v -t x1 "$home/repo/backups/$id" | tr -d ' \n')
    flip "$home/repo/backups/$id"
    refused "manifest $id with a changed byte" "$recovery" "$id"
    flip "$home/repo/backups/$id"
done
echo "ok: ${#ids[@]} changed manifests are refused"

packs=0
for pack in "$home"/repo/packs/*/*; do
    id=$(owner_of "$pack")
    flip "$pack"
    refused "$pack with a changed byte" "$recovery" "$id"
    grep -q 'SHA-256' "$home/err"
    flip "$pack"
    packs=$((packs + 1))
done
with "$recovery" extract latest "$home/out/dump"
echo "ok: $packs changed packs are refused, and the repository mended is good"
