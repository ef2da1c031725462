#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A replica is made and kept up without a key that reads, by runs that may be killed, beside
# each other and beside backups; when the primary is gone it is the repository.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
createdb shop
make_rows shop t1 150000
make_rows shop t2 20000
new_repository primary
use_recovery_code primary
primary=$PGKEEP_REPOSITORY
replica=$work/replica

night() { # NUMBER
    sql shop "UPDATE t1 SET v = 'night $1 ' || v WHERE id % 50 = $1"
    pg_dump -Fc -Z0 -d shop -f "$work/night$1"
    quietly "$pgkeep" backup --file "$work/night$1" --name shop
}
# As cron runs it: with the keys of the host and nothing else.
as_cron=(env -u PGKEEP_RECOVERY_KEY_FILE -u PGKEEP_PASSPHRASE -u PGKEEP_REPOSITORY
    "$pgkeep" copy --from "$primary" --to)
copy() { # TARGET [ARGUMENT...]
    "${as_cron[@]}" "$@"
}
contents() { # STORE: what its packs hold, and nothing of their names
    (cd "$1" && find packs -type f | sed -E 's,.*/([0-9a-f]{64})-.*,\1,' | sort)
}
same_contents() { # WHAT STORE: each pack once
    same "$1: packs" "$(contents "$primary" | sha256sum)" "$(contents "$2" | sha256sum)"
    same "$1: manifests" "$(cd "$primary" && find backups -type f | sort)" \
        "$(cd "$2" && find backups -type f | sort)"
    same "$1: no session is left" '' "$(find "$2/sessions" -type f 2>/dev/null || true)"
}
everything() { # STORE
    (cd "$1" && find . -type f -exec sha256sum {} + | sort)
}

# ---- made, and kept up --------------------------------------------------------------------
for n in 1 2 3; do
    night "$n"
done
exits 'a first copy, by the keys of the host' 0 copy "$replica"
says 'one line says what was sent' '^copied 3 backups to file://.*/replica; 3 packs, .* sent; '
same 'and only one' 1 "$(wc -l <"$work/out")"
same_contents 'the replica' "$replica"
same_file 'its config' "$primary/config" "$replica/config"
if cmp -s "$primary/replica" "$replica/replica"; then
    bad 'expected a replica id of its own'
else
    ok 'it has a replica id of its own'
fi
everything "$replica" >"$work/before"
exits 'once more' 0 copy "$replica"
says 'nothing is to be done' '^nothing to copy to .*: 3 backups there already'
everything "$replica" >"$work/after"
same_file 'and nothing was' "$work/before" "$work/after"
exits 'quietly' 0 copy "$replica" -q
same 'it says nothing then' 0 "$(cat "$work/out" "$work/err" | wc -c)"

before=$(PGKEEP_REPOSITORY=$replica stored_bytes)
night 4
exits 'the next night' 0 copy "$replica" --json
says 'as JSON' '"message_type":"summary".*"copied":1,"there":3'
sent=$(sed -nE 's/.*"message_type":"summary".*"bytes":([0-9]+).*/\1/p' "$work/out")
same 'what it says it sent was sent' $((before + sent)) \
    "$(PGKEEP_REPOSITORY=$replica stored_bytes)"
at_most 'a night of little change sends little' $((before / 5)) "$sent"
same_contents 'after the next night' "$replica"

# ---- some only ----------------------------------------------------------------------------
exits 'the newest only' 0 copy "$work/some" latest
same 'one manifest' 1 "$(find "$work/some/backups" -type f | wc -l)"
exits 'by its id' 0 copy "$work/some" "$(backup_id 1)"
same 'two manifests' 2 "$(find "$work/some/backups" -type f | wc -l)"
exits 'by source' 0 copy "$work/some" --source shop
same_contents 'all of one source' "$work/some"
exits 'no backup is like that' 1 copy "$work/some" --source nobody
exits 'no such backup' 1 copy "$work/some" abcdabcd

# ---- what is refused ----------------------------------------------------------------------
exits 'without a target' 2 env -u PGKEEP_REPOSITORY "$pgkeep" copy --from "$primary"
exits 'onto itself' 2 copy "$primary"
ln -s "$primary" "$work/link"
exits 'onto itself by another name' 2 copy "$work/link"
mkdir "$work/mount"
if [[ $(id -u) -eq 0 ]] && mount --bind "$primary" "$work/mount" 2>/dev/null; then
    mounts+=("$work/mount")
    exits 'onto itself by another mount' 2 copy "$work/mount"
    says 'it says so' 'one store'
fi
quietly "$pgkeep" init -r "$work/other" --no-slot --recovery-file "$work/other.code"
everything "$work/other" >"$work/before"
exits 'onto another repository' 2 copy "$work/other"
for store in "$primary" "$work/other"; do
    id=$(dd if="$store/config" bs=1 skip=16 count=16 status=none | od -An -tx1 | tr -d ' \n')
    says "it names $id" "$id"
done
everything "$work/other" >"$work/after"
same_file 'which is left alone' "$work/before" "$work/after"
mkdir -p "$work/full/backups"
echo x >"$work/full/backups/00"
exits 'into a place that is not empty' 1 copy "$work/full"
exits 'out of nothing' 10 env -u PGKEEP_REPOSITORY \
    "$pgkeep" copy --from "$work/nowhere" --to "$work/new"
absent 'nothing was made for that' "$work/new"
exits 'by a host that was never enrolled' 12 env -u PGKEEP_RECOVERY_KEY_FILE \
    HOME="$work/stranger" XDG_CONFIG_HOME="$work/stranger/c" XDG_STATE_HOME="$work/stranger/s" \
    "$pgkeep" copy --from "$primary" --to "$work/new"

# ---- killed -------------------------------------------------------------------------------
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
start=$(date +%s%N)
quietly copy "$work/timed"
takes=$((($(date +%s%N) - start) / 1000000))
echo "      SEED=$seed, a copy takes $takes ms"
for ((i = 0; i < 12; i++)); do
    target=$work/killed$i
    for ((k = 0; k < 3; k++)); do
        after=$((1 + RANDOM % (takes + 10)))
        "${as_cron[@]}" "$target" >"$work/out" 2>"$work/err" & # no shell between
        kill_after "round $i" "$after" $!
    done
    copy "$target" >"$work/out" 2>"$work/err" || fail "the copy after kill $i" "$work/err"
    [[ $(contents "$primary") == "$(contents "$target")" ]] ||
        fail "round $i: a pack is missing, or was sent twice"
    PGKEEP_REPOSITORY=$target "$pgkeep" verify --level objects >"$work/out" 2>"$work/err" ||
        fail "round $i: verify" "$work/out" "$work/err"
    rm -r "$target"
done
[[ $killed -ge 6 ]] || bad "expected kills to hit, only $killed of 36 did"
ok "$killed of 36 copies killed, the next one went on with what was there"

# ---- at once, and beside a backup ---------------------------------------------------------
sql shop "UPDATE t1 SET v = 'beside ' || v WHERE id % 3 = 0"
pg_dump -Fc -Z0 -d shop -f "$work/night5"
copy "$work/beside" >"$work/one" 2>&1 &
one=$!
copy "$work/beside" >"$work/two" 2>&1 &
two=$!
quietly "$pgkeep" backup --file "$work/night5" --name shop
wait "$one" || bad 'one of two copies at once' "$work/one"
wait "$two" || bad 'the other one' "$work/two"
exits 'two copies at once and a backup beside them; then the rest' 0 copy "$work/beside"
exits 'the replica that they made' 0 env PGKEEP_REPOSITORY="$work/beside" "$pgkeep" verify
same 'all backups are good' 5 "$(grep -c 'good (data)' "$work/out")"
exits 'the first replica as well' 0 copy "$replica"

# ---- damage -------------------------------------------------------------------------------
cp -a "$primary" "$work/rotten"
rm "$work/rotten/replica"
newest=$(backup_id 5)
pack=$(cd "$primary" && find packs -type f -newer "backups/$(backup_id 4)" | head -n 1)
flip "$work/rotten/$pack"
exits 'a source with a rotten pack' 4 env -u PGKEEP_REPOSITORY \
    "$pgkeep" copy --from "$work/rotten" --to "$work/sound"
says 'it is named' "^${newest:0:8}  DAMAGED  .*${pack##*/}"
same 'the other backups are there' 4 "$(find "$work/sound/backups" -type f | wc -l)"
absent 'the damaged one is not' "$work/sound/backups/$newest"
exits 'they are whole' 0 env PGKEEP_REPOSITORY="$work/sound" "$pgkeep" verify
exits 'the missing one from a sound source' 0 copy "$work/sound"
same_contents 'then' "$work/sound"

pack=$(find "$replica/packs" -type f | head -n 1)
truncate -s 100 "$pack"
exits 'a pack of the replica is cut: verify' 4 env PGKEEP_REPOSITORY="$replica" \
    "$pgkeep" verify
says 'verify names the object that is there' "${pack##*/}"
exits 'a copy sends it again' 0 copy "$replica"
says 'that one only' '; 1 pack, '
exits 'and the replica is whole again' 0 env PGKEEP_REPOSITORY="$replica" "$pgkeep" verify
exits 'also to whoever has no key' 0 env -u PGKEEP_RECOVERY_KEY_FILE \
    PGKEEP_REPOSITORY="$replica" "$pgkeep" verify --level objects

# ---- the primary is gone ------------------------------------------------------------------
mv "$primary" "$work/lost"
export PGKEEP_REPOSITORY=$replica
rm -rf "$XDG_STATE_HOME"
visible 'the replica' 5
exits 'verify' 0 "$pgkeep" verify
same 'all are good' 5 "$(grep -c 'good (data)' "$work/out")"
exits 'catalog sync' 0 "$pgkeep" catalog sync
exits 'catalog check' 0 "$pgkeep" catalog check
for n in 1 2 3 4 5; do
    exits "restore night $n" 0 "$pgkeep" restore "$(backup_id "$n")" --to-file "$work/back"
    same_file "night $n to the byte" "$work/night$n" "$work/back"
done
exits 'restore into a database' 0 "$pgkeep" restore latest --into-new shop_back
describe shop "$work/source"
describe shop_back "$work/restored"
same_database 'the restored database' "$work/source" "$work/restored"
before=$(stored_bytes)
exits 'the next backup goes to the replica' 0 "$pgkeep" backup --file "$work/night5" --name shop
at_most 'which has its rows already' 20000 $(($(stored_bytes) - before))
exits 'a new primary is made of it' 0 "$pgkeep" copy --to "$work/again"
exits 'which is whole' 0 "$pgkeep" verify -r "$work/again"
same 'all six are good' 6 "$(grep -c 'good (data)' "$work/out")"
