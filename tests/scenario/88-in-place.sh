#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where a database is there already: swapped for the restored one, or replaced in one
# transaction. What fails leaves it as it was.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
new_repository repo
use_recovery_code repo
databases() {
    sql postgres 'SELECT datname FROM pg_database ORDER BY 1'
}
sleepers=()
sit_in() { # DATABASE: another session
    psql -X -q -d "$1" -c "SET application_name = 'sitting'" -c 'SELECT pg_sleep(100)' \
        >"$work/sitting" 2>&1 &
    sleepers+=($!)
    background+=($!)
    wait_for 'a session' sits "$1"
}
sits() { # DATABASE
    sql postgres "SELECT 1 FROM pg_stat_activity WHERE datname = '$1'
        AND application_name = 'sitting' AND state = 'active'" | grep -q 1
}
stand_up() {
    kill "${sleepers[@]}" 2>/dev/null || true
    wait "${sleepers[@]}" 2>/dev/null || true
    sleepers=()
}

# ---- swap ----
createdb shop
make_rows shop t1 500
sql postgres 'ALTER DATABASE shop SET work_mem = 8192'
quietly "$pgkeep" backup -d shop --name shop
sql shop 'DELETE FROM t1 WHERE id > 3'
exits 'a name that is taken' 1 "$pgkeep" restore latest --into-new shop
says 'the ways out' '^hint: --swap .* --in-place'
sit_in shop
exits '--swap with a session there' 2 "$pgkeep" restore latest --into-new shop --swap
says 'they are counted' 'database shop has 1 other sessions'
same 'nothing has changed' 3 "$(sql shop 'SELECT count(*) FROM t1')"
no_leftovers 'a session there'
exits '--swap --with-sessions' 0 \
    "$pgkeep" restore latest --into-new shop --swap --with-sessions -j 2
says 'what the old one is called' '^the database that was there is shop_before_[0-9_]{15} now$'
stand_up
same 'the backup is there' '500 8MB' \
    "$(sql shop 'SELECT count(*) FROM t1') $(sql shop 'SHOW work_mem')"
old=$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'shop\\_before%'")
same 'the old one is beside it' 3 "$(sql "$old" 'SELECT count(*) FROM t1')"
sql postgres 'ALTER DATABASE shop RENAME TO not_wanted' "ALTER DATABASE \"$old\" RENAME TO shop"
same 'and comes back' 3 "$(sql shop 'SELECT count(*) FROM t1')"
dropdb not_wanted
exits '--swap where there is nothing' 0 "$pgkeep" restore latest --into-new fresh --swap
same 'it is there' 500 "$(sql fresh 'SELECT count(*) FROM t1')"
exits '--swap without a name' 2 "$pgkeep" restore latest --swap

# Sessions that come while it is restored: hours of work are not thrown away.
createdb slow
sql slow "CREATE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS 'SELECT true'" \
    'CREATE TABLE t1 (id int CHECK (public.nap(id)))' \
    'INSERT INTO t1 SELECT generate_series(1, 30)' \
    "CREATE OR REPLACE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS
        'SELECT pg_sleep(0.1) IS NOT NULL'"
quietly "$pgkeep" backup -d slow --name slow
filling() {
    sql postgres "SELECT 1 FROM pg_stat_activity WHERE datname LIKE 'pgkeep\\_%'
        AND query LIKE 'COPY%'" | grep -q 1
}
"$pgkeep" restore latest --source slow --into-new slow --swap >"$work/out" 2>"$work/err" &
child=$!
wait_for 'rows' filling
sit_in slow
status=0
wait "$child" || status=$?
same 'a session that came meanwhile' 2 "$status"
says 'where the backup is' 'the backup is restored, but as database slow_restored_[0-9a-f]{8}'
kept=$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'slow\\_restored%'")
same 'it is whole' 30 "$(sql "$kept" 'SELECT count(*) FROM t1')"
same 'the other is as it was' slow "$(databases | grep '^slow$')"
stand_up

# ---- in place: what is asked for ----
exits 'no database is named' 2 "$pgkeep" restore latest --source shop --in-place
exits 'several jobs' 2 "$pgkeep" restore latest --source shop --in-place -d shop -j 2
exits 'some tables' 2 "$pgkeep" restore latest --source shop --in-place -d shop -t t1
exits 'a database without --in-place' 2 "$pgkeep" restore latest --source shop -d shop
exits 'the plan' 0 "$pgkeep" restore latest --source shop --in-place -d shop --plan
says 'it says where' 'in place of what is in database shop'
exits 'a database that is not there' 1 "$pgkeep" restore latest --source shop --in-place -d none

# ---- in place: damage, sessions, extra objects ----
before() { # remember what is in shop
    describe shop "$work/before"
}
untouched() { # WHAT
    describe shop "$work/after"
    same_database "$1" "$work/before" "$work/after"
}
sql shop 'CREATE TABLE extra (a int REFERENCES t1 (id))' 'INSERT INTO extra VALUES (1)' \
    'CREATE VIEW v AS SELECT count(*) FROM t1' 'ALTER TABLE t1 ADD more text'
before
exits 'objects that the backup lacks' 38 \
    "$pgkeep" restore latest --source shop --in-place -d shop
says 'the table' '^  TABLE public.extra$'
says 'the view' '^  VIEW public.v$'
says 'the key' '^  FK CONSTRAINT public.extra extra_a_fkey$'
says 'the way out' '^hint: --drop-extra'
untouched 'objects that the backup lacks'
exits 'the same as JSON' 38 "$pgkeep" restore latest --source shop --in-place -d shop --json
says 'they are a list' '"objects":\["TABLE public.extra"'
largest=$(find "$PGKEEP_REPOSITORY/packs" -type f -printf '%s %p\n' | sort -n | tail -1)
largest=${largest#* }
chmod u+w "$largest"
flip "$largest"
log_lines=$(wc -l <"$work/pg/log")
exits 'a flipped bit' 4 "$pgkeep" restore latest --source shop --in-place -d shop --drop-extra
flip "$largest"
untouched 'a flipped bit'
same 'and nothing was tried' 0 \
    "$(tail -n +$((log_lines + 1)) "$work/pg/log" | grep -cE 'DROP|CREATE' || true)"
sit_in shop
exits 'another session' 2 "$pgkeep" restore latest --source shop --in-place -d shop --drop-extra
says 'it is counted' 'database shop has 1 other sessions'
untouched 'another session'
exits 'in place with another session' 0 "$pgkeep" restore latest --source shop --in-place \
    -d shop --drop-extra --with-sessions
stand_up
same 'all is as it was backed up' '500 id,v' "$(sql shop 'SELECT count(*) FROM t1') $(sql shop \
    "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = 't1'::regclass AND attnum > 0")"
same 'nothing else is there' t1 "$(sql shop "SELECT string_agg(relname, ',') FROM pg_class
    WHERE relkind IN ('r', 'v') AND oid >= 16384")"

# ---- in place: a database that went its own way ----
createdb changed
sql changed "CREATE TYPE color AS ENUM ('red')" 'CREATE TABLE a (id int PRIMARY KEY, c color)' \
    'CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1' \
    'CREATE TABLE b (a int REFERENCES a, d int DEFAULT f())' "INSERT INTO a VALUES (1, 'red')" \
    'INSERT INTO b VALUES (1)' "SELECT lo_from_bytea(5005, 'old')" >"$work/out"
quietly "$pgkeep" backup -d changed --name changed
describe changed "$work/changed"
# Now the dump's table needs what only the database has, and the dump's function a table.
sql changed 'DROP TABLE b' 'CREATE TABLE base (x int)' \
    'CREATE TYPE other AS (x int)' 'ALTER TABLE a ADD o other' 'ALTER TABLE a INHERIT base' \
    2>"$work/err" || sql changed 'ALTER TABLE a ADD x int' 'ALTER TABLE a INHERIT base'
sql changed 'CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql
        BEGIN ATOMIC SELECT count(*)::int FROM base; END' \
    'CREATE TABLE b (a int, d int DEFAULT f())' \
    'CREATE MATERIALIZED VIEW m AS SELECT * FROM base' \
    "SELECT lo_unlink(5005)" "SELECT lo_from_bytea(6006, 'new')" \
    "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS
        'begin raise exception ''no DDL here''; end'" \
    'CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()' >"$work/out"
exits 'other dependencies, and an event trigger that refuses' 0 \
    "$pgkeep" restore latest --source changed --in-place -d changed --drop-extra
describe changed "$work/changed2"
same_database 'other dependencies' "$work/changed" "$work/changed2"

# Things that pg_restore --clean stumbles over: a partition's key, kinds that say their type, an
# access method or a domain in their own drop.
createdb hard
sql hard 'CREATE TABLE p (id int PRIMARY KEY, u int, UNIQUE (id, u)) PARTITION BY RANGE (id)' \
    'CREATE TABLE pa PARTITION OF p FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id)' \
    'CREATE TABLE pb PARTITION OF pa FOR VALUES FROM (0) TO (5)' 'CREATE INDEX pu ON p (u)' \
    'INSERT INTO p VALUES (1, 2)' 'CREATE TYPE sh' \
    "CREATE FUNCTION sh_in(cstring) RETURNS sh LANGUAGE internal STRICT AS 'int4in'" \
    "CREATE FUNCTION sh_out(sh) RETURNS cstring LANGUAGE internal STRICT AS 'int4out'" \
    'CREATE TYPE sh (INPUT = sh_in, OUTPUT = sh_out, LIKE = int4)' \
    'CREATE ACCESS METHOD hh TYPE INDEX HANDLER hashhandler' \
    'CREATE OPERATOR CLASS hh_ops DEFAULT FOR TYPE int4 USING hh AS OPERATOR 1 =,
        FUNCTION 1 hashint4(int4)' 'CREATE TABLE h (a int)' \
    'CREATE INDEX hi ON h USING hh (a)' 'CREATE DOMAIN d AS int' \
    'CREATE FUNCTION f(int, d[]) RETURNS bool LANGUAGE sql IMMUTABLE RETURN true' \
    'ALTER DOMAIN d ADD CHECK (f(VALUE, NULL))' 'CREATE TABLE dt (a d)' \
    'INSERT INTO dt VALUES (1)' \
    2>"$work/err" || fail 'the hard database could not be made' "$work/err"
quietly "$pgkeep" backup -d hard --name hard
describe hard "$work/hard"
exits 'what is hard to drop' 0 "$pgkeep" restore latest --source hard --in-place -d hard
describe hard "$work/hard2"
same_database 'what is hard to drop' "$work/hard" "$work/hard2"
createdb -T template0 bare
exits 'into an empty database' 0 "$pgkeep" restore latest --source hard --in-place -d bare
describe bare "$work/hard3"
same_database 'into an empty database' "$work/hard" "$work/hard3"

# What the backup knows and has no content of; rights that what is made would get.
createdb left
sql left 'CREATE TABLE audit (a int)' 'INSERT INTO audit VALUES (1)' 'CREATE TABLE t (a int)' \
    "SELECT lo_from_bytea(71, 'x')" >"$work/out"
quietly "$pgkeep" backup -d left --name left --exclude-table-data audit
sql left "SELECT lo_from_bytea(72, 'y')" 'CREATE ROLE evil' \
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO evil' \
    'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT UPDATE ON TABLES TO evil' \
    'ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC' \
    'GRANT CREATE ON SCHEMA public TO evil' >"$work/out"
exits 'rows that the backup left out' 38 \
    "$pgkeep" restore latest --source left --in-place -d left
says 'they are told' '^  rows of TABLE public.audit$'
says 'a large object too' '^  LARGE OBJECT 72$'
says 'and default rights' '^  DEFAULT ACL '
exits 'all the same' 0 "$pgkeep" restore latest --source left --in-place -d left --drop-extra
same 'nobody got rights' 'false false false 0' "$(sql left "SELECT
    has_table_privilege('evil', 't', 'select') || ' ' ||
    has_table_privilege('evil', 't', 'update') || ' ' ||
    has_schema_privilege('evil', 'public', 'create') || ' ' ||
    (SELECT count(*) FROM pg_default_acl)")"
exits 'a template is not for swapping' 2 \
    "$pgkeep" restore latest --source left --into-new template1 --swap
PGKEEP_DB_URL_ENV=SOME SOME=postgresql:///left exits 'a database that nobody typed' 2 \
    "$pgkeep" restore latest --source left --in-place

# What pg_restore cannot do undoes all.
make_broken broken
quietly "$pgkeep" backup -d broken --name broken
describe broken "$work/broken"
exits 'rows that cannot be restored' 1 \
    "$pgkeep" restore latest --source broken --in-place -d broken
says 'in its own words' 'violates check constraint'
says 'and that nothing has changed' 'database broken is as it was'
describe broken "$work/broken2"
same_database 'rows that cannot be restored' "$work/broken" "$work/broken2"

# ---- in place: a database of traps, onto itself ----
make_traps traps
quietly "$pgkeep" backup -d traps --name traps
exits 'a subscription with a slot' 1 "$pgkeep" restore latest --source traps --in-place -d traps
says 'the way out' '^hint: ALTER SUBSCRIPTION'
sql traps 'ALTER EVENT TRIGGER refuse DISABLE' 'ALTER SUBSCRIPTION sub SET (slot_name = NONE)' \
    'ALTER EVENT TRIGGER refuse ENABLE'
quietly "$pgkeep" backup -d traps --name traps
describe traps "$work/traps"
exits 'a database of traps' 0 "$pgkeep" restore latest --source traps --in-place -d traps
describe traps "$work/traps2"
for stem in traps traps2; do
    sed -i -e 's/,$//' "$work/$stem.schema"
    sort -o "$work/$stem.schema" "$work/$stem.schema"
done
same_database 'a database of traps' "$work/traps" "$work/traps2"

# ---- roles, locks, checks ----
sql postgres 'CREATE ROLE buyer' 'CREATE ROLE seller'
createdb roles
sql roles 'CREATE TABLE t (a int)' 'ALTER TABLE t OWNER TO buyer' \
    'ALTER TABLE t ENABLE ROW LEVEL SECURITY' 'CREATE POLICY p ON t TO seller USING (true)'
quietly "$pgkeep" backup -d roles --name roles
dropdb roles
sql postgres 'DROP ROLE buyer' 'DROP ROLE seller'
exits 'roles that are missing' 1 "$pgkeep" restore latest --source roles --into-new roles
says 'both are named' 'missing here: (seller, buyer|buyer, seller)$'
exits '--create-roles' 0 \
    "$pgkeep" restore latest --source roles --into-new roles --create-roles
same 'they may not log in' 'buyer:false seller:false' "$(sql postgres "SELECT
    string_agg(rolname || ':' || rolcanlogin::text, ' ' ORDER BY rolname)
    FROM pg_roles WHERE rolname IN ('buyer', 'seller')")"

echo 'SELECT 1/count(*) FROM t1;' >"$work/smoke.sql"
exits '--smoke that holds' 0 \
    "$pgkeep" restore latest --source shop --into-new smoke1 --smoke "$work/smoke.sql"
sql smoke1 'DELETE FROM t1'
quietly "$pgkeep" backup -d smoke1 --name empty
exits '--smoke that does not' 1 \
    "$pgkeep" restore latest --source empty --into-new smoke2 --smoke "$work/smoke.sql"
says 'in its own words' 'division by zero'
no_database 'that' smoke2
no_leftovers 'smoke'
echo 'SELECT count(*) = 500 FROM t1; SELECT count(*) > 500 FROM t1;' >"$work/smoke2.sql"
exits '--smoke that gives false' 1 \
    "$pgkeep" restore latest --source shop --into-new smoke2 --smoke "$work/smoke2.sql"
says 'which of them' 'smoke2.sql: line 2 of what it gives is false'
no_database 'that' smoke2
exits '--smoke of a file that is not there' 1 \
    "$pgkeep" restore latest --source shop --into-new smoke3 --smoke "$work/none.sql"
createdb late
make_rows late t1 5
quietly "$pgkeep" backup -d late --name late
sql late 'DELETE FROM t1'
exits 'a check that fails behind the commit' 1 "$pgkeep" restore latest --source late \
    --in-place -d late --smoke "$work/smoke2.sql"
says 'it says what is there' 'database late holds the backup now, but: --smoke'
same 'it is there' 5 "$(sql late 'SELECT count(*) FROM t1')"
cat >"$work/hook" <<'END'
#!/bin/sh
[ "$1" = 'a b' ] || exit 3
{
    psql -X -A -t -c "SELECT 'rows ' || count(*) FROM t1"
    psql -X -A -t -d "$DATABASE_URL" -c "SELECT 'rows ' || count(*) FROM t1"
    env | grep -E '^PGKEEP_(PASS|RECOVERY)'
} >"$HOOK_LOG"
exit 0
END
chmod +x "$work/hook"
export HOOK_LOG=$work/hook.log
exits '--hook' 0 \
    "$pgkeep" restore latest --source shop --into-new hook1 --hook "$work/hook 'a b'"
same 'it came to the database, and saw no secret of ours' $'rows 500\nrows 500' \
    "$(<"$HOOK_LOG")"
exits '--hook that fails' 1 "$pgkeep" restore latest --source shop --into-new hook2 \
    --hook "$work/hook other"
says 'its exit' 'hook: exit status 3'
no_database 'that' hook2

createdb many
sql many "DO \$\$ begin for i in 1..1800 loop
    execute format('CREATE TABLE t%s ()', i); end loop; end \$\$" 2>"$work/err" ||
    for part in 0 600 1200; do
        sql many "DO \$\$ begin for i in $part + 1..$part + 600 loop
            execute format('CREATE TABLE t%s ()', i); end loop; end \$\$"
    done
quietly "$pgkeep" backup -d many --name many
exits 'more locks than the server has' 1 \
    "$pgkeep" restore latest --source many --in-place -d many
says 'how many' 'one transaction needs about [0-9]+ locks, and the server has room for 1920'

# ---- a database whose owner is up to no good ----
sql postgres 'CREATE ROLE mallory LOGIN'
createdb -O mallory evil
PGUSER=mallory sql evil 'CREATE SCHEMA bad' \
    "CREATE FUNCTION bad.boom() RETURNS bool LANGUAGE plpgsql AS 'begin
        if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
            execute ''alter role mallory superuser''; end if; return true; end'" \
    'CREATE FUNCTION bad.pg_is_in_recovery() RETURNS bool LANGUAGE sql RETURN bad.boom()' \
    'CREATE FUNCTION bad.current_setting(text) RETURNS text LANGUAGE sql
        RETURN bad.boom()::text' \
    'CREATE TABLE t (a int)'
sql postgres 'ALTER DATABASE evil SET search_path = bad, public, pg_catalog'
exits 'a database with functions in the place of ours' 0 "$pgkeep" backup -d evil --name evil
exits 'in place of it' 0 "$pgkeep" restore latest --source evil --in-place -d evil
exits 'beside it' 0 "$pgkeep" restore latest --source evil --into-new evil2
same 'its owner is no superuser' f \
    "$(sql postgres "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'")"
[[ $failed -eq 0 ]]
