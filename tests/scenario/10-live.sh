#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real database with every trap of the fixture, two nights, and back again.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
make_fixture shop
sql shop "ALTER DATABASE shop SET search_path = app, public" \
    "ALTER DATABASE shop SET timezone = 'Asia/Tokyo'" \
    "COMMENT ON DATABASE shop IS 'it''s the shop'" \
    "GRANT TEMPORARY ON DATABASE shop TO fx_reader" \
    "ALTER TABLE app.orders ADD CONSTRAINT later CHECK (total < 50) NOT VALID"
sql shop "SELECT lo_from_bytea(700001, convert_to(string_agg(md5(i::text), ''), 'UTF8'))
    FROM generate_series(1, 400) i" >/dev/null
new_repository repo

# ---- the first night ----
exits 'backup of a live database' 0 "$pgkeep" backup -d shop --kind nightly --tag night=1
same 'one summary line' 1 "$(wc -l <"$work/out")"
same 'nothing on stderr' '' "$(cat "$work/err")"
visible 'first night' 1
first=$(backup_id 1)
exits 'list' 0 "$pgkeep" list
says 'list names the source' "shop@"
exits 'show' 0 "$pgkeep" show "$first"
says 'show names a table' 'app\.?.*users'
exits 'show --json' 0 "$pgkeep" show "$first" --json
cp "$work/out" "$work/show.json"
quietly python3 -m json.tool "$work/show.json"
exits 'verify' 0 "$pgkeep" verify
describe shop "$work/source1"

# ---- what one table says is what COPY says ----
copy() { # TABLE [COLUMNS]
    PGOPTIONS=$settings psql -X -q -d shop -c "COPY $1 ${2:-} TO STDOUT"
}
columns='(id, email, name, mood, age, bio, tags, attrs, raw, created_at, updated_at)'
copy app.users "$columns" >"$work/copy"
quietly "$pgkeep" cat "$first" app.users
same_file 'cat is COPY TO STDOUT' "$work/copy" "$work/out"
copy audit.alltypes >"$work/copy"
quietly "$pgkeep" cat "$first" audit.alltypes
same_file 'cat of 50 types is COPY TO STDOUT' "$work/copy" "$work/out"
exits 'cat of a name that two tables have' 2 "$pgkeep" cat "$first" users
exits 'cat of a table that is not there' 1 "$pgkeep" cat "$first" app.nobody

quietly "$pgkeep" verify "$first" --copy-sha256
cp "$work/out" "$work/sums"
for table in audit.alltypes app.orders app.rls_t audit.empty_table public._prisma_migrations; do
    sum=$(copy "$table" | sha256sum | cut -d' ' -f1)
    grep -qE "^$sum  $table\$" "$work/sums" ||
        fail "SHA-256 of $table: expected $sum" "$work/sums"
done
ok 'verify --copy-sha256 is psql COPY | sha256sum'

# ---- into a new database ----
exits 'restore --into-new' 0 "$pgkeep" restore "$first" --into-new shop2
describe shop2 "$work/restored1"
same_database 'restored database' "$work/source1" "$work/restored1"
exits 'restore under the name nobody gave' 0 "$pgkeep" restore "$first"
same 'the default name is DB_restored_ID8' "shop_restored_${first:0:8}" \
    "$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'shop\\_restored%'")"
no_leftovers 'restore'

properties() { # DATABASE
    sql postgres "SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider,
        shobj_description(d.oid, 'pg_database'), datacl,
        (SELECT string_agg(c, ';' ORDER BY c) FROM pg_db_role_setting s,
            unnest(setconfig) c WHERE setdatabase = d.oid)
        FROM pg_database d WHERE datname = '$1'"
}
same 'settings, comment and grants of the database' "$(properties shop)" "$(properties shop2)"

# ---- the second night ----
sql shop "UPDATE app.users SET bio = 'second night' WHERE id = 7" \
    "INSERT INTO app.orders (user_id, total, note) VALUES (3, 1, 'second night')" \
    "DELETE FROM app.events WHERE id = 11" "CREATE TABLE app.fresh AS SELECT 1 AS one" \
    "SELECT lo_put(500001, 2, '\\xffff')" >/dev/null
exits 'backup of the second night' 0 "$pgkeep" backup -d shop --kind nightly --tag night=2
visible 'second night' 2
second=$(backup_id 2)
describe shop "$work/source2"
exits 'verify both' 0 "$pgkeep" verify
for night in "$first" "$second"; do
    quietly "$pgkeep" restore "$night" --to-file "$work/$night.dump"
    pg_restore -f "$work/$night.sql" "$work/$night.dump"
done
same 'second night has its rows' 2 "$(grep -ac 'second night' "$work/$second.sql")"
same 'first night has none of them' 0 "$(grep -ac 'second night' "$work/$first.sql" || true)"
exits 'latest~1 is the first night' 0 "$pgkeep" restore latest~1 --into-new again1
describe again1 "$work/again1"
same_database 'first night, restored after the second' "$work/source1" "$work/again1"
exits 'latest is the second' 0 "$pgkeep" restore latest --into-new again2
describe again2 "$work/again2"
same_database 'second night' "$work/source2" "$work/again2"
exits 'an id of four digits' 0 "$pgkeep" show "${second:0:4}"
exits 'list --tag' 0 "$pgkeep" list --json --tag night=2
same 'one backup has the tag' 1 "$(grep -c '"id":' "$work/out")"
