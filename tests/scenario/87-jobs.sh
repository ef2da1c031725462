#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Restores with several pg_restore side by side: all that one gives, and when one fails nothing.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
new_repository repo
use_recovery_code repo
gone() { # WHAT DATABASE
    no_leftovers "$1"
    no_database "$1" "$2"
}

# ---- the same as from one ----
make_fixture fixture
quietly "$pgkeep" backup -d fixture --name fixture
describe fixture "$work/fixture"
for jobs in 1 2 7; do
    exits "-j $jobs" 0 "$pgkeep" restore latest --source fixture --into-new "f$jobs" -j "$jobs"
    describe "f$jobs" "$work/f$jobs"
    same_database "-j $jobs" "$work/fixture" "$work/f$jobs"
done
exits 'the schema alone' 0 \
    "$pgkeep" restore latest --source fixture --into-new schema -j 3 --schema-only
describe schema "$work/schema"
same_file 'the schema alone' "$work/fixture.schema" "$work/schema.schema"
exits 'some tables' 0 \
    "$pgkeep" restore latest --source fixture --into-new part -j 3 -t app.users -t app.orders
same 'their rows and the key between them' '60 120 1' "$(sql part \
    "SELECT (SELECT count(*) FROM app.users) || ' ' || (SELECT count(*) FROM app.orders) || ' '
     || (SELECT count(*) FROM pg_constraint WHERE contype = 'f')")"

# ---- what makes restores fail elsewhere ----
make_traps traps
quietly "$pgkeep" backup -d traps --name traps
# A child's columns come in another order: pg_dump writes the inherited ones first.
unordered() { # STEM
    sed -i -e 's/,$//' "$1.schema"
    sort -o "$1.schema" "$1.schema"
}
describe traps "$work/traps"
unordered "$work/traps"
for jobs in 1 4; do
    exits "a database of traps, -j $jobs" 0 \
        "$pgkeep" restore latest --source traps --into-new "traps$jobs" -j "$jobs"
    describe "traps$jobs" "$work/traps$jobs"
    unordered "$work/traps$jobs"
    same_database "a database of traps, -j $jobs" "$work/traps" "$work/traps$jobs"
    properties traps >"$work/properties"
    properties "traps$jobs" >"$work/properties$jobs"
    same_file "its settings, grants and comment, -j $jobs" "$work/properties" \
        "$work/properties$jobs"
done

# The owner may not touch his table any more when its grants are there before its rows.
sql postgres 'CREATE ROLE own LOGIN CREATEDB'
createdb -O own mine
PGUSER=own sql mine 'CREATE TABLE t1 AS SELECT generate_series(1, 100) AS i' \
    'CREATE TABLE t2 AS SELECT 1 AS i' 'REVOKE ALL ON t1 FROM own'
quietly "$pgkeep" backup -d mine --name mine
exits 'rights that the owner took from himself' 0 \
    "$pgkeep" restore latest --source mine --into-new mine2 -j 2 -U own
same 'the rights are as they were' f \
    "$(sql mine2 "SELECT has_table_privilege('own', 't1', 'insert')")"

# ---- failures ----
make_broken broken
make_rows broken big1 60000
make_rows broken big2 60000
quietly "$pgkeep" backup -d broken --name broken
exits 'one of three fails' 1 "$pgkeep" restore latest --source broken --into-new broken2 -j 3
says 'in its own words' 'pg_restore: .*violates check constraint'
gone 'one of three fails' broken2

createdb late
sql late 'CREATE TABLE t (a int)' 'INSERT INTO t VALUES (0), (1)' \
    "CREATE FUNCTION inv(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT \$1'" \
    'CREATE INDEX i ON t (inv(a))' \
    "CREATE OR REPLACE FUNCTION inv(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1/\$1'"
quietly "$pgkeep" backup -d late --name late
exits 'an index cannot be made' 1 "$pgkeep" restore latest --source late --into-new late2 -j 2
says 'in its own words' 'division by zero'
gone 'an index cannot be made' late2

createdb slow
sql slow "CREATE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS 'SELECT true'" \
    'CREATE TABLE t1 (id int CHECK (public.nap(id)))' \
    'CREATE TABLE t2 (id int CHECK (public.nap(id)))' \
    'INSERT INTO t1 SELECT generate_series(1, 600)' 'INSERT INTO t2 SELECT * FROM t1' \
    "CREATE OR REPLACE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS
        'SELECT pg_sleep(0.1) IS NOT NULL'"
quietly "$pgkeep" backup -d slow --name slow
filling() {
    [[ $(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'pgkeep\\_%'
        AND query LIKE 'COPY%'") -eq 2 ]]
}
for signal in INT:130 TERM:143; do
    env --default-signal=INT "$pgkeep" restore latest --source slow --into-new slow2 -j 2 \
        >"$work/out" 2>"$work/err" &
    child=$!
    background+=("$child")
    wait_for 'rows' filling
    start=$SECONDS
    kill -"${signal%:*}" "$child"
    status=0
    wait "$child" || status=$?
    same "SIG${signal%:*} in the middle" "${signal#*:}" "$status"
    at_most 'seconds until it ended' 8 $((SECONDS - start))
    gone "SIG${signal%:*} in the middle" slow2
done
sql postgres "ALTER ROLE own CONNECTION LIMIT 1"
exits 'more processes than connections' 1 \
    "$pgkeep" restore latest --source mine --into-new mine3 -j 2 -U own
says 'in its own words' 'too many connections'
gone 'more processes than connections' mine3
exits 'no processes at all' 2 "$pgkeep" restore latest --source slow -j 65
exits 'to a file' 2 "$pgkeep" restore latest --source slow --to-file "$work/x" -j 2

# ---- damage ----
damage() { # WHAT STATUS
    exits "$1" "$2" "$pgkeep" restore latest --source broken --into-new broken3 -j 2
    gone "$1" broken3
}
largest=$(find "$PGKEEP_REPOSITORY/packs" -type f -printf '%s %p\n' | sort -n | tail -1)
largest=${largest#* }
chmod u+w "$largest"
flip "$largest"
damage 'a flipped bit' 4
flip "$largest"
mv "$largest" "$work/pack"
damage 'a pack that is gone' 4
[[ $failed -eq 0 ]]
