#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The row store on a living database: a night costs what changed, tables and columns change,
# every night comes back to the byte; a state that is lost, a run that is killed, a second run.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
createdb shop
make_rows shop orders 60000
make_rows shop items 40000
sql shop 'CREATE TABLE empty (id int)' 'CREATE TABLE tags (id int PRIMARY KEY, t text)' \
    "INSERT INTO tags SELECT i, 'tag ' || i FROM generate_series(1, 10) i"
new_repository repo
unset PGKEEP_PASSPHRASE # the host bundle alone: nothing of this needs a key that reads

nights=0
declare -A dump_of
# Dump to a file and back that up, so that the bytes to compare with are known.
night() { # [OPTION...]: bytes that are new in $new
    local before
    nights=$((nights + 1))
    pg_dump -Fc -Z0 -d shop -f "$work/night$nights"
    before=$(stored_bytes)
    quietly "$pgkeep" backup --file "$work/night$nights" --name shop "$@"
    dump_of[$nights]=$work/night$nights
    new=$(($(stored_bytes) - before))
}

night
first=$new
night
same 'a night without a change stores nothing' 0 "$new"
for i in 1 2 3; do
    sql shop "UPDATE orders SET v = md5(v) WHERE id % 97 = $i" \
        "DELETE FROM items WHERE id % 1000 = $i" \
        "INSERT INTO items SELECT 100000 * $i + g, md5(g::text) FROM generate_series(1, 100) g"
    night --verify
    at_most "night $nights, a hundredth of the rows" $((first / 20)) "$new"
done

# What changes about a table but not in its rows.
sql shop "ALTER TABLE orders ADD COLUMN channel text NOT NULL DEFAULT 'web'"
night
at_most 'a column appended' $((first / 30)) "$new"
sql shop 'ALTER TABLE orders RENAME COLUMN v TO value' 'ALTER TABLE items RENAME TO positions'
night
at_most 'a column and a table renamed' $((first / 50)) "$new"
sql shop 'CREATE INDEX by_value ON orders (value)' 'CLUSTER orders USING by_value'
night
at_most 'another order of rows' $((first / 5)) "$new"
night
same 'and once more' 0 "$new"
sql shop 'ALTER TABLE orders DROP COLUMN channel'
night
sql shop 'UPDATE orders SET value = md5(value) WHERE id % 500 = 7'
night
at_most 'the night after a column was dropped' $((first / 20)) "$new"
sql shop "ALTER TABLE orders ADD COLUMN place text NOT NULL DEFAULT 'here'"
night
sql shop 'ALTER TABLE orders DROP COLUMN place'
export PGKEEP_RECOVERY_KEY_FILE=$work/repo.code
night
at_most 'a column dropped, with a key that reads' $((first / 30)) "$new"
unset PGKEEP_RECOVERY_KEY_FILE

# Two sources side by side do not disturb each other.
quietly "$pgkeep" backup --file "$work/night1" --name other
night
same 'a source beside it' 0 "$new"

# A second run of one source at once is turned away, of another one it is not.
mkfifo "$work/pipe"
"$pgkeep" backup --stdin --name shop <"$work/pipe" >"$work/first.out" 2>"$work/first.err" &
background+=("$!")
child=$!
exec 9>"$work/pipe"
head -c 65536 "$work/night$nights" >&9
source_is_held() {
    local lock
    for lock in "$HOME"/state/pgkeep/*/????????????????????????????????.lock; do
        flock -n "$lock" true || return 0
    done
    return 1
}
wait_for 'the first run to hold its source' source_is_held
exits 'a second run of the same source' 75 "$pgkeep" backup --file "$work/night1" --name shop
says 'it says why' 'running already'
exits 'a run of another source' 0 "$pgkeep" backup --file "$work/night1" --name other
tail -c +65537 "$work/night$nights" >&9
exec 9>&-
status=0
wait "$child" || status=$?
same 'the first run goes on' 0 "$status"

# The state is a cache: lost it costs space, or with a key that reads nothing.
rm "$HOME"/state/pgkeep/*/*.rows
export PGKEEP_RECOVERY_KEY_FILE=$work/repo.code
sql shop 'UPDATE orders SET value = md5(value) WHERE id % 500 = 8'
night
at_most 'the state made anew with a key that reads' $((first / 20)) "$new"
unset PGKEEP_RECOVERY_KEY_FILE
for state in "$HOME"/state/pgkeep/*/*.rows; do
    printf 'damaged' | dd of="$state" bs=1 seek=$(($(stat -c %s "$state") / 2)) conv=notrunc \
        status=none
done
sql shop 'UPDATE orders SET value = md5(value) WHERE id % 500 = 9'
night
ok "a damaged state and no key that reads: $new bytes stored, the first night $first"
night
same 'and nothing the night after' 0 "$new"

# A first night that is killed goes on from what it has stored.
new_repository killed
unset PGKEEP_PASSPHRASE
make_rows shop big 400000
pg_dump -Fc -Z0 -d shop -f "$work/big"
for delay in 0.1 0.2 0.4; do
    "$pgkeep" backup --file "$work/big" --name shop >"$work/out" 2>"$work/err" &
    child=$!
    sleep "$delay"
    kill -KILL "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
done
before=$(stored_bytes)
quietly "$pgkeep" backup --file "$work/big" --name shop
ok "killed three times: $before bytes were there, $(($(stored_bytes) - before)) were new"
export PGKEEP_RECOVERY_KEY_FILE=$work/killed.code
quietly "$pgkeep" restore latest --to-file "$work/back"
same_file 'the killed night' "$work/big" "$work/back"

# Every night of the first repository.
export PGKEEP_REPOSITORY=$work/repo PGKEEP_RECOVERY_KEY_FILE=$work/repo.code
quietly "$pgkeep" verify
mapfile -t ids < <("$pgkeep" list --json --source shop |
    sed -nE 's/^ *"id": *"([0-9a-f]{32})".*/\1/p')
at_most 'backups of the source' $((nights + 1)) "${#ids[@]}"
for id in "${ids[@]}"; do
    quietly "$pgkeep" restore "$id" --to-file "$work/back"
    found=no
    for ((i = 1; i <= nights; i++)); do
        ! cmp -s "${dump_of[$i]}" "$work/back" || found=yes
    done
    same "backup ${id:0:8} comes back" yes "$found"
    rm -f "$work/back"
done
