#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Roles: saved beside every dump of ours, made as they were where they are missing, and never
# seen by who may not see them.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
new_repository repo
use_recovery_code repo
roles() { # what matters of the roles of this scenario
    sql postgres "SELECT rolname, rolcanlogin, rolcreatedb, rolconnlimit, rolpassword,
        (SELECT string_agg(s, ' ') FROM unnest(setconfig) s),
        shobj_description(a.oid, 'pg_authid')
        FROM pg_authid a LEFT JOIN pg_db_role_setting ON setrole = a.oid AND setdatabase = 0
        WHERE rolname ~ '^(App|app)' ORDER BY 1" \
        "SELECT r.rolname, m.rolname, admin_option FROM pg_auth_members
        JOIN pg_roles r ON r.oid = roleid JOIN pg_roles m ON m.oid = member
        WHERE m.rolname ~ '^(App|app)' ORDER BY 1, 2"
}
drop_roles() {
    sql postgres 'DROP ROLE app_owner' 'DROP ROLE "App ""reader"", x"' 'DROP ROLE app_other'
}
sql postgres "CREATE ROLE app_owner LOGIN CREATEDB CONNECTION LIMIT 7 PASSWORD 'ow-secret-1'" \
    "CREATE ROLE \"App \"\"reader\"\", x\" LOGIN PASSWORD 're-secret-2'" \
    "CREATE ROLE app_other LOGIN PASSWORD 'ot-secret-3'" \
    "ALTER ROLE app_owner SET search_path = 'a; b', \"C\"" \
    "COMMENT ON ROLE app_owner IS 'owns; ''all'''" \
    'GRANT app_owner TO "App ""reader"", x"' \
    'GRANT pg_read_all_data TO app_owner WITH ADMIN OPTION'
createdb -O app_owner shop
make_rows shop t1 10
sql shop 'ALTER TABLE t1 OWNER TO app_owner' 'GRANT SELECT ON t1 TO "App ""reader"", x"'
quietly "$pgkeep" backup -d shop --name shop
stored=$(stored_bytes)
quietly "$pgkeep" show latest
says 'they are beside the dump' 'globals\.sql'
quietly "$pgkeep" backup -d shop --name shop
same 'the same roles take no room the next night' "$stored" "$(stored_bytes)"
exits 'verify' 0 "$pgkeep" verify
roles | grep -v '^app_other' >"$work/roles"
for secret in 'ow-secret-1' 'SCRAM-SHA-256'; do
    same "$secret is in no file of ours" '' "$(grep -rl "$secret" "$PGKEEP_REPOSITORY" \
        "$XDG_STATE_HOME" "$XDG_CONFIG_HOME" 2>/dev/null || true)"
done

dropdb shop
drop_roles
exits 'roles that are missing' 1 "$pgkeep" restore latest --into-new shop
says 'the ways out' '^hint: --globals .*--create-roles'
exits '--globals' 0 "$pgkeep" restore latest --into-new shop --globals -v
says 'how many' '2 roles were made as they were'
roles >"$work/roles2"
same_file 'those that the dump needs are as they were' "$work/roles" "$work/roles2"
same 'the owner' app_owner \
    "$(sql shop "SELECT tableowner FROM pg_tables WHERE tablename = 't1'")"

# One is there, and is another today: it stays so.
dropdb shop
sql postgres 'DROP ROLE "App ""reader"", x"' "ALTER ROLE app_owner PASSWORD 'changed'"
before=$(sql postgres "SELECT rolpassword FROM pg_authid WHERE rolname = 'app_owner'")
exits 'one is missing' 0 "$pgkeep" restore latest --into-new shop --globals
same 'the one that is there is left alone' "$before" \
    "$(sql postgres "SELECT rolpassword FROM pg_authid WHERE rolname = 'app_owner'")"
same 'the other is its member again' app_owner "$(sql postgres "SELECT r.rolname
    FROM pg_auth_members JOIN pg_roles r ON r.oid = roleid JOIN pg_roles m ON m.oid = member
    WHERE m.rolname LIKE 'App%'")"

# ---- without passwords ----
sql postgres "CREATE ROLE plain LOGIN"
PGUSER=postgres sql shop 'GRANT SELECT ON t1 TO plain' 'ALTER TABLE t1 OWNER TO plain' \
    'GRANT ALL ON SCHEMA public TO plain'
exits 'as one who may not read passwords' 0 "$pgkeep" backup -d shop --name plain -t t1 \
    -U plain -v
says 'it is said' 'roles are saved without passwords'
quietly "$pgkeep" backup -d shop --name without --no-role-passwords
sql postgres "CREATE ROLE app_new LOGIN PASSWORD 'new-secret'"
sql shop 'ALTER TABLE t1 OWNER TO app_new'
quietly "$pgkeep" backup -d shop --name with
quietly "$pgkeep" backup -d shop --name without --no-role-passwords
dropdb shop
sql postgres 'DROP ROLE app_new'
quietly "$pgkeep" restore latest --source without --into-new shop2 --globals
same 'without its password' '' \
    "$(sql postgres "SELECT rolpassword FROM pg_authid WHERE rolname = 'app_new'")"
dropdb shop2
sql postgres 'DROP ROLE app_new'
quietly "$pgkeep" restore latest --source with --into-new shop2 --globals
same 'with it' SCRAM "$(sql postgres "SELECT left(rolpassword, 5) FROM pg_authid
    WHERE rolname = 'app_new'")"

# ---- none ----
pg_dump -Fc -d shop2 -f "$work/dump"
quietly "$pgkeep" backup --file "$work/dump" --name file
exits 'a dump of somebody else' 2 \
    "$pgkeep" restore latest --source file --into-new shop3 --globals
says 'the way out' '^hint: --create-roles'
exits 'to a file' 2 "$pgkeep" restore latest --source with --to-file "$work/x" --globals
[[ $failed -eq 0 ]]
