#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verify --sample N/M: the M samples together read every pack once, damage is found by the one
# sample that it is in, and a sample makes no backup verified.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

take_golden "$work"
export PGKEEP_REPOSITORY=$work/repo
parts=3
all=$(find "$work/repo/packs" -type f | wc -l)

packs_read() { # of the summary in JSON
    sed -nE 's/^ *"packs": *([0-9]+).*/\1/p' "$work/out"
}

each_once() { # LEVEL
    local n sum=0
    for ((n = 1; n <= parts; n++)); do
        exits "sample $n of $parts, $1" 0 \
            "$pgkeep" verify --level "$1" --sample "$n/$parts" --json
        sum=$((sum + $(packs_read)))
    done
    same "$1: each pack in one sample" "$all" "$sum"
}

each_once objects
use_recovery_code repo
each_once data
same 'no backup became verified' 0 \
    "$("$pgkeep" list --json | grep -c '"state": *"verified"' || true)"
exits 'in words' 0 "$pgkeep" verify --sample 2/3
says 'it says that it is a sample' 'at level data \(sample 2/3, [0-9]+ packs\)'
says 'of each backup, too' 'good \(data, a sample\)'
exits 'all in one' 0 "$pgkeep" verify --sample 1/1 --json
same 'reads all' "$all" "$(packs_read)"

pack=$(find "$work/repo/packs" -type f | sort | head -n 1)
flip "$pack"
for level in objects data; do
    found=
    for ((n = 1; n <= parts; n++)); do
        status=0
        "$pgkeep" verify --level "$level" --sample "$n/$parts" >"$work/out" 2>"$work/err" ||
            status=$?
        found+=" $status"
        [[ $status -ne 4 ]] || says "$level: the pack is named" "DAMAGED.*${pack##*/}"
    done
    same "$level: one sample finds it" '0 0 4' "$(xargs -n 1 <<<"$found" | sort | xargs)"
done

for wrong in 0/3 4/3 3 1/0 a/b 1/1001 1/3/2 /3 1/ -1/3 '1 /3' ''; do
    exits "--sample '$wrong'" 2 "$pgkeep" verify --sample "$wrong"
done
exits 'a sample is not full' 2 "$pgkeep" verify --sample 1/3 --full
