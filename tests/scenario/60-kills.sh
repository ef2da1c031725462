#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Backups that are killed at any moment: what was acknowledged stays, the next run needs no
# help, and the catalog says what the repository says.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

rounds=30
[[ ${PGKEEP_LONG:-no} == no ]] || rounds=300
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed

start_cluster pg
make_base_dump "$work/dump0" 350000
stop_server pg
rm -r "$work/pg"
# A run shall find next to nothing stored already.
variants=10
for ((i = 1; i < variants; i++)); do
    vary_dump "$work/dump0" "$i" "$work/dump$i"
done
new_repository repo
use_recovery_code repo

declare -A dump_of # what was acknowledged: id -> file
acknowledge() { # DUMP: the summary in $work/out, when there is one
    local id
    id=$(sed -nE 's/.*"id": *"([0-9a-f]{32})".*/\1/p' "$work/out")
    [[ -z $id ]] || dump_of[$id]=$1
}
start=$(date +%s%N)
quietly "$pgkeep" backup --file "$work/dump0" --name shop --json
takes=$((($(date +%s%N) - start) / 1000000))
acknowledge "$work/dump0"
same 'a summary with an id' 1 "${#dump_of[@]}"
echo "      SEED=$seed, $(stat -c %s "$work/dump0") bytes, a backup takes $takes ms"

unseen=0
for ((i = 1; i <= rounds; i++)); do
    dump=$work/dump$((i % variants))
    if [[ $((i % 4)) -eq 0 ]]; then # as on a new machine: enrolling and catching up as well
        rm -rf "$HOME"
        new_home home
    fi
    after=$((5 + RANDOM % (takes + takes / 4)))
    before=$(manifests)
    "$pgkeep" backup --file "$dump" --name shop --json >"$work/out" 2>"$work/err" &
    kill_after "round $i" "$after" $!
    acknowledge "$dump"
    # Stored, but killed before it could say so: it counts as any other.
    [[ -s $work/out || $(manifests) -eq $before ]] || unseen=$((unseen + 1))

    status=0
    "$pgkeep" backup --file "$dump" --name shop --json >"$work/out" 2>"$work/err" || status=$?
    [[ $status -eq 0 && ! -s $work/err ]] ||
        fail "the run after kill $i (at $after ms): exit $status" "$work/err"
    acknowledge "$dump"
done
[[ $killed -ge $((rounds / 4)) ]] || bad "expected kills to hit, only $killed of $rounds did"
ok "$killed of $rounds runs killed, the next one worked each time"

same 'listed: all that were acknowledged, and those that could not say so' \
    "$((${#dump_of[@]} + unseen))" "$(listed)"
exits 'verify all' 0 "$pgkeep" verify
same 'verify saw all' "$(listed)" "$(grep -c 'good (data)' "$work/out")"
"$pgkeep" list --json >"$work/list"
# verify has read them all on the way a restore takes; some are taken to the end.
mapfile -t some < <(printf '%s\n' "${!dump_of[@]}" | sort -R --random-source=<(yes "$seed") |
    head -n $((rounds / 3)))
for id in "${!dump_of[@]}"; do
    grep -q "\"$id\"" "$work/list" || fail "backup $id was acknowledged and is not listed"
done
for id in "${some[@]}"; do
    "$pgkeep" restore "$id" --to-file "$work/back" >"$work/out" 2>"$work/err" ||
        fail "backup $id cannot be restored" "$work/err"
    cmp -s "${dump_of[$id]}" "$work/back" || fail "backup $id gives other bytes back"
done
ok "${#dump_of[@]} acknowledged backups are there, ${#some[@]} restored to the byte"

exits 'catalog check' 0 "$pgkeep" catalog check
exits 'catalog rebuild' 0 "$pgkeep" catalog rebuild
"$pgkeep" list --json >"$work/list2"
same_file 'the list after catalog rebuild' "$work/list" "$work/list2"
rm -rf "$XDG_STATE_HOME"
exits 'list, the catalog lost' 0 "$pgkeep" list --json
grep -v '"state"' "$work/out" >"$work/list2" || true
grep -v '"state"' "$work/list" >"$work/list1"
same_file 'the list from the repository alone' "$work/list1" "$work/list2"
same 'no temporary file is left in the repository' '' \
    "$(find "$PGKEEP_REPOSITORY" -type f -not -regex '.*/[0-9a-f-]+' \
        -not -name config -not -name replica)"
