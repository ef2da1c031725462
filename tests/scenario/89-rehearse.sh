#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rehearsals: a backup is restored for the test, every row compared, and nothing is left behind.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
new_repository repo
use_recovery_code repo
scratch=$work/scratch
mkdir -m 1777 "$scratch"
export TMPDIR=$scratch
scratch_is_empty() { # WHAT
    same "$1: nothing stays under TMPDIR" '' "$(ls -A "$scratch")"
    same "$1: no server runs on" '' "$(pgrep -f "$scratch" || true)"
}
rehearse() { # WHAT STATUS ARGUMENT...
    local what=$1 status=$2
    shift 2
    exits "$what" "$status" "$pgkeep" rehearse "$@"
    scratch_is_empty "$what"
}
state() { # SOURCE
    "$pgkeep" list --json --source "$1" | sed -nE 's/^ *"state": *"([a-z]+)".*/\1/p' | tail -1
}

# ---- in a cluster of its own ----
make_fixture fixture
quietly "$pgkeep" backup -d fixture --name fixture
rehearse 'a database with everything' 0 latest --source fixture
says 'what is told' 'restored in .* and compared, .* are the same, 0 differ, 0 could not'
same 'its state' rehearsed "$(state fixture)"
same 'the mark' 1 "$(find "$PGKEEP_REPOSITORY/marks" -type f 2>/dev/null | wc -l)"
new_home other
quietly "$pgkeep" list --source fixture
same 'its state on another host' rehearsed "$(state fixture)"
new_home home
stop_server pg
PGHOST=/nowhere PGSERVICE=none PGOPTIONS='-c none=1' PGDATABASE=none \
    rehearse 'with the server gone, and an environment of another one' 0 \
    latest --source fixture -j 3 --json
says 'as JSON' '"result":"same",.*"restore_ms":[0-9]+,.*"jobs":3,.*"findings":\[\]'
start_server pg

# ---- what makes comparisons lie ----
make_traps traps
quietly "$pgkeep" backup -d traps --name traps
rehearse 'a database of traps' 0 latest --source traps
rehearse 'a database of traps, -j 4' 0 latest --source traps -j 4
createdb quiet
quietly "$pgkeep" backup -d quiet --name quiet
rehearse 'an empty database' 0 latest --source quiet

# ---- differences ----
createdb differs
sql differs 'CREATE TABLE t (a int)' 'INSERT INTO t VALUES (1), (2)' \
    'CREATE TABLE other (a int)' 'INSERT INTO other VALUES (1)' 'CREATE SEQUENCE s' \
    'CREATE TABLE same (a int)' 'INSERT INTO same VALUES (1)'
quietly "$pgkeep" backup -d differs --name differs
cat >"$work/change" <<'END'
#!/bin/sh
psql -X -q -c 'DELETE FROM t WHERE a = 1' -c 'UPDATE other SET a = 2' \
    -c "SELECT setval('s', 7)" -c 'CREATE VIEW v AS SELECT 1' >&2
END
chmod +x "$work/change"
rehearse 'a database that is changed behind its back' 4 latest --source differs \
    --hook "$work/change"
says 'rows that are missing' '^TABLE DATA public.t: 1 rows, 2 in the backup$'
says 'other rows' '^TABLE DATA public.other: 1 rows, and not the same ones$'
says 'a sequence' '^SEQUENCE SET public.s: is defined in another way$'
says 'a view too many' '^VIEW public.v: is not in the backup$'
says 'how many' ': 1 tables with 1 rows and .* 4 differ, 0 could not'
same 'its state is what it was' committed "$(state differs)"
rehearse 'the same without' 0 latest --source differs
same 'its state' rehearsed "$(state differs)"

# ---- dumps of others ----
PGOPTIONS='-c timezone=Asia/Tokyo -c lc_monetary=C' pg_dump -Fc -d fixture -f "$work/foreign"
quietly "$pgkeep" backup --file "$work/foreign" --name foreign
rehearse 'a dump made with settings that are not known' 0 latest --source foreign
says 'tables with times are not compared' '^not compared: TABLE DATA .*settings'
says 'nor large objects that are compressed' '^not compared: BLOBS BLOBS: is compressed'
pg_dump -Fc --inserts -d differs -f "$work/inserts"
quietly "$pgkeep" backup --file "$work/inserts" --name inserts
rehearse 'a dump of statements' 0 latest --source inserts
says 'it is not compared' '^not compared: TABLE DATA public.t: is not stored as rows'
says 'and this is said' 'this is no whole rehearsal'
same 'no proof of it' committed "$(state inserts)"
cat >"$work/empty" <<'END'
#!/bin/sh
psql -X -q -c 'TRUNCATE t' >&2
END
chmod +x "$work/empty"
rehearse 'statements of which nothing came' 4 latest --source inserts --hook "$work/empty"
says 'which' '^TABLE DATA public.t: has no rows$'

# ---- what cannot be rehearsed here ----
make_broken broken
quietly "$pgkeep" backup -d broken --name broken
rehearse 'a dump that pg_restore does not take' 1 latest --source broken
says 'it says so' 'it could not be rehearsed: pg_restore: .*violates check constraint'
mkdir "$work/bin"
mkdir "$work/a b"
TMPDIR="$work/a b" exits 'a path that a shell would cut' 2 "$pgkeep" rehearse latest \
    --source fixture
PGKEEP_PG_BIN=$work/bin rehearse 'no PostgreSQL here' 1 latest --source fixture
says 'where was looked' '^hint: PGKEEP_PG_BIN is set'
long=$work/$(printf 'l%.0s' {1..90})
mkdir "$long"
TMPDIR=$long exits 'a path too long for a socket' 2 "$pgkeep" rehearse latest --source fixture
says 'the way out' '^hint: TMPDIR'

# ---- on a server ----
exits 'on the server that was backed up' 2 \
    "$pgkeep" rehearse latest --source fixture -h "$PGHOST"
says 'the way' '^hint: --same-server'
exits 'there all the same' 0 \
    "$pgkeep" rehearse latest --source fixture -h "$PGHOST" --same-server
exits 'a database of traps there' 0 \
    "$pgkeep" rehearse latest --source traps -h "$PGHOST" --same-server -j 3
no_leftovers 'on a server'
exits '--keep there' 0 \
    "$pgkeep" rehearse latest --source differs -h "$PGHOST" --same-server --keep
kept=$(sed -nE 's/^it stays as database (.*)$/\1/p' "$work/out")
same 'it stays' 2 "$(sql "$kept" 'SELECT count(*) FROM t')"
dropdb "$kept"

# ---- checks ----
echo 'SELECT 1/(count(*) - 2) FROM t;' >"$work/smoke.sql"
rehearse '--smoke that fails' 1 latest --source differs --smoke "$work/smoke.sql"
says 'in its own words' 'could not be rehearsed: --smoke: .*division by zero'

# ---- killed, interrupted, kept ----
createdb slow
sql slow "CREATE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS 'SELECT true'" \
    'CREATE TABLE t1 (id int CHECK (public.nap(id)))' \
    'INSERT INTO t1 SELECT generate_series(1, 600)' \
    "CREATE OR REPLACE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS
        'SELECT pg_sleep(0.1) IS NOT NULL'"
quietly "$pgkeep" backup -d slow --name slow
filling() {
    local host
    host=$(echo "$scratch"/pgkeep-scratch-*)
    "${as_postgres[@]}" psql -X -q -A -t -h "$host" -p 5432 -U postgres -d postgres -c "SELECT 1
        FROM pg_stat_activity WHERE query LIKE 'COPY%'" | grep -q 1
}
nobody_runs() {
    ! pgrep -f "$scratch"
}
for signal in INT:130 TERM:143; do
    env --default-signal=INT "$pgkeep" rehearse latest --source slow >"$work/out" \
        2>"$work/err" &
    child=$!
    background+=("$child")
    wait_for 'rows' filling
    kill -"${signal%:*}" "$child"
    status=0
    wait "$child" || status=$?
    same "SIG${signal%:*} in the middle" "${signal#*:}" "$status"
    scratch_is_empty "SIG${signal%:*}"
done
"$pgkeep" rehearse latest --source slow >"$work/out" 2>"$work/err" &
child=$!
background+=("$child")
wait_for 'rows' filling
kill -KILL "$child"
wait "$child" 2>/dev/null || true
wait_for 'the end of its server' nobody_runs
ok 'SIGKILL: its server has ended too'
rehearse 'the next one after SIGKILL' 0 latest --source quiet
exits '--keep' 0 "$pgkeep" rehearse latest --source differs --keep
says 'where it is' '^it stays: psql -h .*pgkeep-kept-'
kept=$(echo "$scratch"/pgkeep-kept-*)
database=$(sed -nE 's/^it stays: .* -U postgres ([^;]*);.*/\1/p' "$work/out")
same 'it is there to be looked at' 2 "$("${as_postgres[@]}" psql -X -q -A -t -h "$kept" \
    -p 5432 -U postgres -d "$database" -c 'SELECT count(*) FROM t')"
clusters+=("$kept/data")
exits 'the next one leaves it alone' 0 "$pgkeep" rehearse latest --source quiet
same 'it is still there' 2 "$("${as_postgres[@]}" psql -X -q -A -t -h "$kept" \
    -p 5432 -U postgres -d "$database" -c 'SELECT count(*) FROM t')"
[[ $failed -eq 0 ]]
