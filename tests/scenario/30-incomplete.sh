#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Dumps that do not come to their end, for every reason a night has to offer: the exit code
# says which, and nothing is visible afterwards.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

cat >"$work/hba" <<'END'
local all guarded scram-sha-256
local all all     trust
END
start_cluster pg "$work/hba"
createdb shop
make_rows shop t1 60000
make_rows shop t2 60000
new_repository repo
dump=$work/whole.dump
pg_dump -Fc -Z0 -d shop -f "$dump"
pg_dump -Fc -Z0 -d shop >"$work/piped.dump"
size=$(stat -c %s "$dump")

# ---- commands that die ----
cat >"$work/dies" <<'END'
#!/bin/sh
head -c "$2" "$1"
kill -KILL $$
END
cat >"$work/fails" <<'END'
#!/bin/sh
cat "$1"
echo 'disk of the wrapper is full' >&2
exit 1
END
chmod +x "$work/dies" "$work/fails"
for bytes in 0 3 100 5000 $((size / 2)) $((size - 1)); do
    exits "a command killed after $bytes bytes" 6 \
        "$pgkeep" backup --name shop -- "$work/dies" "$dump" "$bytes"
done
exits 'a command killed after a whole dump' 6 \
    "$pgkeep" backup --name shop -- "$work/dies" "$dump" "$size"
says 'the message names the signal' 'signal 9|SIGKILL|[Kk]illed'
exits 'a command that fails after a whole dump' 6 \
    "$pgkeep" backup --name shop -- "$work/fails" "$dump"
says 'its own words are told' 'disk of the wrapper is full'
exits 'a command that is not there' 1 "$pgkeep" backup --name shop -- "$work/nowhere"
visible 'commands that die' 0

# ---- cuts at any place ----
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
echo "      SEED=$seed"
RANDOM=$seed
for i in {1..25}; do
    at=$(((RANDOM * 32768 + RANDOM) % size))
    [[ $((i % 5)) -ne 0 ]] || at=$((RANDOM % 4000))
    file=$dump
    [[ $((i % 2)) -eq 0 ]] || file=$work/piped.dump
    status=0
    head -c "$at" "$file" | "$pgkeep" backup --stdin --name shop >"$work/out" 2>"$work/err" ||
        status=$?
    [[ $status -eq 6 ]] ||
        fail "$file cut at $at: expected exit 6, found $status" "$work/out" "$work/err"
done
ok '25 cuts of a dump, exit 6 each'
visible 'cuts' 0

# ---- the server ----
holder() { # keeps a lock on t1 until it is killed
    psql -X -q -d shop -c 'BEGIN; LOCK t1 IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(25)' \
        >/dev/null 2>&1 &
    background+=($!)
    wait_for 'the lock' sh -c "psql -X -A -t -d shop -c \"SELECT 1 FROM pg_locks WHERE granted
        AND mode = 'AccessExclusiveLock' AND relation = 't1'::regclass\" | grep -q 1"
}
release() {
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query LIKE '%LOCK t1%' AND pid <> pg_backend_pid()" >/dev/null
}
holder
start=$SECONDS
exits 'a table that somebody has locked' 75 \
    "$pgkeep" backup -d shop --name shop --lock-wait-timeout 1
at_most 'seconds until it gave up' 6 $((SECONDS - start))
says 'the message has a hint' '^hint: .*lock'
says 'the message says what happened' 'canceling statement|lock'
visible 'a lock' 0

# ---- signals while pg_dump waits ----
dumps_running() {
    pgrep -f -- "pg_dump .*$work" >/dev/null
}
for signal in INT:130 TERM:143; do
    release
    holder
    # A background job of a script ignores SIGINT; env gives it back.
    env --default-signal=INT "$pgkeep" backup -d shop --name shop \
        --log-file "$work/log" >"$work/out" 2>"$work/err" &
    child=$!
    background+=("$child")
    wait_for 'pg_dump' dumps_running
    sleep 0.5 # until it waits, and pgkeep for it
    kill -"${signal%:*}" "$child"
    status=0
    start=$SECONDS
    wait "$child" || status=$?
    same "SIG${signal%:*} while pg_dump waits for a lock" "${signal#*:}" "$status"
    at_most 'seconds until it ended' 5 $((SECONDS - start))
    if dumps_running; then bad 'pg_dump is still there'; else ok 'pg_dump is gone'; fi
done
release
visible 'locks and signals' 0

# ---- signals while rows flow ----
cat >"$work/slow" <<'END'
#!/bin/sh
head -c 2000000 "$1"
: >"$2"
sleep 25
END
chmod +x "$work/slow"
for signal in INT:130 TERM:143; do
    rm -f "$work/halfway"
    env --default-signal=INT "$pgkeep" backup --name shop -- "$work/slow" "$dump" \
        "$work/halfway" >"$work/out" 2>"$work/err" &
    child=$!
    background+=("$child")
    wait_for 'half of the dump' test -e "$work/halfway"
    sleep 0.5 # until all that came is read
    kill -"${signal%:*}" "$child"
    status=0
    start=$SECONDS
    wait "$child" || status=$?
    same "SIG${signal%:*} in the middle of a dump" "${signal#*:}" "$status"
    at_most 'seconds until it ended' 5 $((SECONDS - start))
    if pgrep -f "$work/slow" >/dev/null; then bad 'its command is still there'; else
        ok 'its command is gone'
    fi
done
visible 'signals in the middle' 0

# ---- who cannot be reached ----
exits 'a database that is not there' 1 "$pgkeep" backup -d nosuch
says 'the message names it' 'database "nosuch" does not exist'
sql postgres "CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right'"
exits 'a wrong password' 1 env PGPASSWORD=wrong "$pgkeep" backup -d shop -U guarded
says 'the message says so' 'password authentication failed for user "guarded"'
exits 'no password' 1 "$pgkeep" backup -d shop -U guarded
exits 'the right password' 0 env PGPASSWORD=right \
    "$pgkeep" backup -d shop -U guarded --name shop
visible 'after all that' 1
sql postgres "CREATE ROLE poor LOGIN"
exits 'a role that may not read' 6 "$pgkeep" backup -d shop -U poor --name shop
says 'the message names the table' 'permission denied'
stop_server pg
exits 'a server that is down' 75 "$pgkeep" backup -d shop --name shop
exits 'a host that is not there' 75 "$pgkeep" backup -d shop -h "$work/nowhere" --name shop
start_server pg

# ---- and the next night is fine ----
exits 'next backup' 0 "$pgkeep" backup -d shop --name shop
visible 'next backup' 2
exits 'verify' 0 "$pgkeep" verify
quietly "$pgkeep" restore latest --to-file "$work/back.dump"
quietly pg_restore --list "$work/back.dump"
