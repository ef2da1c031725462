#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Into a new database: what is there is never touched, what fails leaves nothing behind, and
# the new database is of the old one's kind.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
new_repository repo
use_recovery_code repo
databases() {
    sql postgres 'SELECT datname FROM pg_database ORDER BY 1'
}
nothing_changed() { # WHAT: databases are as in $work/databases
    databases >"$work/databases2"
    same_file "$1: no database more or less" "$work/databases" "$work/databases2"
}

# ---- names ----
createdb shop
make_rows shop t1 1000
quietly "$pgkeep" backup -d shop --name shop
createdb taken
sql taken 'CREATE TABLE mine AS SELECT 42 AS a'
databases >"$work/databases"
exits 'a name that is taken' 1 "$pgkeep" restore latest --source shop --into-new taken
says 'the message names it' 'taken is there already'
nothing_changed 'a name that is taken'
same 'what was there is untouched' 42 "$(sql taken 'SELECT a FROM mine')"
odd='Odd "Name" 100%'
exits 'a name that needs quotes' 0 "$pgkeep" restore latest --source shop --into-new "$odd"
same 'rows in it' 1000 "$(sql "$odd" 'SELECT count(*) FROM t1')"
exits 'a name that is no connection string' 0 \
    "$pgkeep" restore latest --source shop --into-new 'dbname=postgres'
same 'it is a database' 1 \
    "$(sql postgres "SELECT count(*) FROM pg_database WHERE datname = 'dbname=postgres'")"
long=$(printf 'n%.0s' {1..64})
databases >"$work/databases"
exits 'a name of 64 bytes: PostgreSQL would cut it' 2 \
    "$pgkeep" restore latest --source shop --into-new "$long"
nothing_changed 'a name of 64 bytes'
createdb "${long:0:60}"
make_rows "${long:0:60}" t1 10
quietly "$pgkeep" backup -d "${long:0:60}" --name longname
exits 'the default name of a database of 60 bytes' 0 \
    "$pgkeep" restore latest --source longname
no_leftovers 'names'
exits 'an empty name' 2 "$pgkeep" restore latest --source shop --into-new ''

# ---- roles ----
sql postgres 'CREATE ROLE owner1' 'CREATE ROLE owner2' 'CREATE ROLE reader1'
createdb -O owner1 owned
make_rows owned t1 10
make_rows owned t2 10
sql owned 'ALTER TABLE t1 OWNER TO owner1' 'ALTER TABLE t2 OWNER TO owner2' \
    'GRANT SELECT ON t1 TO reader1'
quietly "$pgkeep" backup -d owned --name owned
owner_of() { # DATABASE
    sql postgres "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '$1'"
}
exits 'a database that is not ours' 0 "$pgkeep" restore latest --source owned --into-new owned1
same 'its owner' owner1 "$(owner_of owned1)"
dropdb owned1
dropdb owned
sql postgres 'DROP ROLE owner1' 'DROP ROLE owner2' 'DROP ROLE reader1'
databases >"$work/databases"
exits 'roles that are missing' 1 "$pgkeep" restore latest --source owned --into-new owned2
says 'the first is named' owner1
says 'the second is named' owner2
says 'one that only has grants is named' reader1
says 'a way out is named' '^hint: .*--no-owner'
nothing_changed 'roles that are missing'
exits '--no-owner --no-privileges' 0 \
    "$pgkeep" restore latest --source owned --into-new owned2 --no-owner --no-privileges
same 'the owner of the database, without owners' postgres "$(owner_of owned2)"
same 'owners' 'postgres|2' "$(sql owned2 "SELECT tableowner, count(*) FROM pg_tables
    WHERE schemaname = 'public' GROUP BY 1")"
sql postgres 'CREATE ROLE newowner CREATEDB'
exits '--no-owner --role' 0 \
    "$pgkeep" restore latest --source owned --into-new owned3 --no-owner -x --role newowner

# ---- failures in the middle ----
fails_clean() { # WHAT PATTERN ARGUMENT...
    local what=$1 pattern=$2
    shift 2
    databases >"$work/databases"
    exits "$what" 1 "$pgkeep" restore latest "$@"
    says "$what: the message says why" "$pattern"
    nothing_changed "$what"
}
make_broken broken
quietly "$pgkeep" backup -d broken --name broken
fails_clean 'a check that no longer holds' 'violates check constraint' \
    --source broken --into-new broken2
sql postgres "CREATE ROLE nocreate LOGIN"
fails_clean 'a role that may not make databases' 'permission denied to create database' \
    --source shop --into-new denied -U nocreate
sql postgres "CREATE ROLE cancreate LOGIN CREATEDB"
createdb triggered
sql triggered "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end'" \
    'CREATE EVENT TRIGGER e1 ON ddl_command_start EXECUTE FUNCTION f()'
quietly "$pgkeep" backup -d triggered --name triggered
fails_clean 'a role that may not make event triggers' 'permission denied|superuser|must be' \
    --source triggered --into-new denied -U cancreate --no-owner
fails_clean 'a locale that nobody has' 'locale' --source shop --into-new x --locale tlh_KX

# An event trigger that refuses our own statements would stop a restore half way.
createdb strict
make_rows strict t1 10
sql strict "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS
    'begin raise exception ''no DDL here''; end'" \
    'CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()'
quietly "$pgkeep" backup -d strict --name strict
exits 'event triggers do not stop a restore' 0 \
    "$pgkeep" restore latest --source strict --into-new strict2

# ---- killed and interrupted ----
createdb slow
sql slow "CREATE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS 'SELECT true'" \
    'CREATE TABLE t1 (id int CHECK (public.nap(id)))' \
    'INSERT INTO t1 SELECT generate_series(1, 120)' \
    "CREATE OR REPLACE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS
        'SELECT pg_sleep(0.1) IS NOT NULL'"
quietly "$pgkeep" backup -d slow --name slow
filling() {
    sql postgres "SELECT 1 FROM pg_stat_activity WHERE datname LIKE 'pgkeep\\_%'
        AND query LIKE 'COPY%'" | grep -q 1
}
for signal in INT:130 TERM:143; do
    databases >"$work/databases"
    env --default-signal=INT "$pgkeep" restore latest --source slow --into-new slow2 \
        >"$work/out" 2>"$work/err" &
    child=$!
    background+=("$child")
    wait_for 'rows' filling
    start=$SECONDS
    kill -"${signal%:*}" "$child"
    status=0
    wait "$child" || status=$?
    same "SIG${signal%:*} in the middle of a restore" "${signal#*:}" "$status"
    at_most 'seconds until it ended' 8 $((SECONDS - start))
    nothing_changed "SIG${signal%:*}"
    dropdb --if-exists slow2 2>"$work/err"
done

# ---- the kind of database ----
kind() { # DATABASE
    sql postgres "SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider,
        daticulocale FROM pg_database WHERE datname = '$1'"
}
keeps_kind() { # DATABASE CREATE-OPTION...
    local name=$1
    shift
    sql postgres "CREATE DATABASE $name TEMPLATE template0 $*"
    PGCLIENTENCODING=UTF8 sql "$name" 'CREATE TABLE w (v text)' \
        "INSERT INTO w VALUES ('Grüße')"
    quietly "$pgkeep" backup -d "$name" --name "$name"
    exits "restore of: $*" 0 "$pgkeep" restore latest --source "$name" --into-new "${name}2"
    same "same kind: $*" "$(kind "$name")" "$(kind "${name}2")"
    same "same text: $*" 'Grüße' "$(PGCLIENTENCODING=UTF8 sql "${name}2" 'SELECT v FROM w')"
}
keeps_kind latin "ENCODING 'LATIN1' LOCALE 'C'"
keeps_kind plain "ENCODING 'UTF8' LOCALE 'C'"
keeps_kind mixed "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
if sql postgres "CREATE DATABASE icu TEMPLATE template0
        LOCALE_PROVIDER icu ICU_LOCALE 'de-u-kn'" 2>"$work/err"; then
    dropdb icu
    keeps_kind icu "LOCALE_PROVIDER icu ICU_LOCALE 'de-u-kn' LOCALE 'C.UTF-8'"
else
    echo 'skip  ICU: this server is built without it'
fi
exits '--locale overrides' 0 "$pgkeep" restore latest --source plain --into-new plain3 \
    --locale C.UTF-8
same 'the locale asked for' 'UTF8|C.UTF-8|C.UTF-8|c|' "$(kind plain3)"

# ---- parts ----
exits '--schema-only' 0 "$pgkeep" restore latest --source shop --into-new empty --schema-only
same 'no rows' 0 "$(sql empty 'SELECT count(*) FROM t1')"
exits 'ANALYZE was run' 0 "$pgkeep" restore latest --source shop --into-new analyzed
same 'statistics are there' 1 \
    "$(sql analyzed "SELECT (reltuples = 1000)::int FROM pg_class WHERE relname = 't1'")"

# ---- two at once ----
"$pgkeep" restore latest --source shop --into-new twin1 >"$work/out1" 2>"$work/err1" &
one=$!
"$pgkeep" restore latest --source shop --into-new twin2 >"$work/out2" 2>"$work/err2" &
two=$!
status=0
wait "$one" || status=$?
same 'two restores at once: the first' 0 "$status"
wait "$two" || status=$?
same 'two restores at once: the second' 0 "$status"
[[ $status -eq 0 ]] || fail 'two restores' "$work/err1" "$work/err2"
same 'rows of both' '1000 1000' \
    "$(sql twin1 'SELECT count(*) FROM t1') $(sql twin2 'SELECT count(*) FROM t1')"
"$pgkeep" restore latest --source shop --into-new same >"$work/out1" 2>"$work/err1" &
one=$!
"$pgkeep" restore latest --source shop --into-new same >"$work/out2" 2>"$work/err2" &
two=$!
first=0
wait "$one" || first=$?
second=0
wait "$two" || second=$?
same 'two restores under one name: one of them wins' 1 $((first + second))
no_leftovers 'all in all'

# ---- to a file ----
mkfifo "$work/fifo"
cat "$work/fifo" >"$work/through" &
background+=($!)
status=0
timeout 20 "$pgkeep" restore latest --source shop --to-file "$work/fifo" >"$work/out" \
    2>"$work/err" || status=$?
quietly "$pgkeep" restore latest --source shop --to-file "$work/plain"
if [[ -p $work/fifo && $status -eq 0 ]]; then
    wait "${background[-1]}"
    same_file 'what came through a FIFO' "$work/plain" "$work/through"
elif [[ ! -p $work/fifo ]]; then
    bad 'a FIFO was replaced by a file: a device would be as well'
fi
ln -s "$work/plain" "$work/link"
quietly "$pgkeep" restore latest --source shop --to-file "$work/link"
exits 'a folder that is not there' 1 "$pgkeep" restore latest --source shop \
    --to-file "$work/nowhere/x"
exits 'a folder instead of a file' 1 "$pgkeep" restore latest --source shop --to-file "$work"
same 'no half file is left' '' "$(find "$work" -maxdepth 1 -name '*.tmp-*')"
