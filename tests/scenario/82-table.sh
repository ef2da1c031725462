#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One table, or a few, or a schema out of a backup: each comes back into a new database with all
# that it needs, row by row and as pg_dump describes it.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
new_repository repo
use_recovery_code repo

sql postgres 'CREATE ROLE shop_owner' 'CREATE ROLE shop_reader' 'CREATE ROLE other_owner'
createdb shop
email=text
if sql shop 'CREATE SCHEMA ext' 'CREATE EXTENSION citext SCHEMA ext' 2>"$work/err"; then
    email=ext.citext
else
    echo 'skip  an extension: citext is not installed'
fi
psql -X -q -v ON_ERROR_STOP=1 -d shop >"$work/out" 2>"$work/err" <<END ||
CREATE SCHEMA app AUTHORIZATION shop_owner;
CREATE SCHEMA audit;
GRANT USAGE ON SCHEMA app TO shop_reader;
CREATE TYPE app.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN app.positive AS int CHECK (VALUE > 0);
COMMENT ON DOMAIN app.positive IS 'above nothing';
CREATE TYPE app.pair AS (a int, b int);
CREATE FUNCTION app.pair_text(app.pair) RETURNS text LANGUAGE sql IMMUTABLE
    AS 'SELECT \$1.a || ''/'' || \$1.b';
CREATE CAST (app.pair AS text) WITH FUNCTION app.pair_text(app.pair);
CREATE FUNCTION app.label() RETURNS text LANGUAGE sql AS 'SELECT ''new''::text';
CREATE FUNCTION app.fits(text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT length(\$1) < 40';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE SEQUENCE app.numbers START 500;
SELECT nextval('app.numbers');

CREATE TABLE app.customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
    email $email UNIQUE, mood app.mood DEFAULT 'ok');
INSERT INTO app.customers (name, email)
    SELECT 'n' || i, 'E' || i FROM generate_series(1, 300) i;
COMMENT ON TABLE app.customers IS 'who buys';
COMMENT ON COLUMN app.customers.name IS 'as on the letter';
GRANT SELECT ON app.customers TO shop_reader;
GRANT UPDATE (name) ON app.customers TO shop_reader;
ALTER TABLE app.customers OWNER TO shop_owner;

CREATE TABLE app.orders (id serial PRIMARY KEY, customer int NOT NULL REFERENCES app.customers,
    pieces app.positive, label text DEFAULT app.label() CHECK (app.fits(label)),
    number int DEFAULT nextval('app.numbers'), size app.pair);
INSERT INTO app.orders (customer, pieces, size)
    SELECT i % 300 + 1, i, row(i, i)::app.pair FROM generate_series(1, 900) i;
CREATE INDEX orders_lower ON app.orders (lower(label));
CREATE STATISTICS app.orders_stat ON customer, pieces FROM app.orders;
COMMENT ON INDEX app.orders_lower IS 'for search';
CREATE TRIGGER touch BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
COMMENT ON TRIGGER touch ON app.orders IS 'does nothing';
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.orders TO shop_reader USING (customer > 3);
ALTER TABLE app.orders ADD CONSTRAINT many CHECK (pieces < 100000) NOT VALID;
CREATE TABLE app."orders log" (at int);
CREATE RULE note AS ON DELETE TO app.orders DO ALSO INSERT INTO app."orders log" VALUES (1);

CREATE VIEW app.names AS SELECT c.name, o.size::text AS size
    FROM app.customers c JOIN app.orders o ON o.customer = c.id;
CREATE VIEW app.grouped AS SELECT c.id, c.name, count(*) FROM app.customers c
    JOIN app.orders o ON o.customer = c.id GROUP BY c.id;
CREATE MATERIALIZED VIEW app.totals AS SELECT name, count(*) FROM app.names GROUP BY name;
CREATE INDEX totals_name ON app.totals (name);

CREATE TABLE app.events (at date NOT NULL, v int, PRIMARY KEY (at, v)) PARTITION BY RANGE (at);
CREATE TABLE app.events_1 PARTITION OF app.events
    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE app.events_2 PARTITION OF app.events
    FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (v);
CREATE TABLE app.events_2a PARTITION OF app.events_2 FOR VALUES WITH (modulus 2, remainder 0);
CREATE TABLE audit.events_2b PARTITION OF app.events_2 FOR VALUES WITH (modulus 2, remainder 1);
CREATE INDEX events_v ON app.events (v);
INSERT INTO app.events SELECT date '2025-01-01' + i, i FROM generate_series(0, 700) i;

CREATE TABLE app.parent (a int);
CREATE TABLE app.child (b int) INHERITS (app.parent);
INSERT INTO app.child VALUES (1, 2);
CREATE TABLE app.tree (id int PRIMARY KEY, up int REFERENCES app.tree);
INSERT INTO app.tree VALUES (2, 2), (1, 2);

CREATE TYPE app.code;
CREATE FUNCTION app.code_in(cstring) RETURNS app.code LANGUAGE internal IMMUTABLE STRICT
    AS 'int4in';
CREATE FUNCTION app.code_out(app.code) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT
    AS 'int4out';
CREATE TYPE app.code (INPUT = app.code_in, OUTPUT = app.code_out, LIKE = int4);
CREATE TYPE app.span AS RANGE (SUBTYPE = date);
CREATE COLLATION app.posix FROM "C";
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple);
CREATE FUNCTION app.down(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT \$2 - \$1';
CREATE OPERATOR CLASS app.backwards FOR TYPE int4 USING btree AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <,
    FUNCTION 1 app.down(int, int);
CREATE FUNCTION app.doubled(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * \$1';
CREATE FUNCTION app.first_tree() RETURNS int LANGUAGE sql
    BEGIN ATOMIC SELECT min(id) FROM app.tree; END;
CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = 0);
CREATE TABLE app.odd (a int, code app.code, span app.span, name text COLLATE app.posix,
    twice int GENERATED ALWAYS AS (app.doubled(a)) STORED, tree int DEFAULT app.first_tree(),
    whole app.customers);
INSERT INTO app.odd (a, code, span, name, tree, whole)
    SELECT i, '7', '[2026-01-01,2026-02-01)', 'x', 1, row(1, 'w', 'W', 'ok')::app.customers
    FROM generate_series(1, 9) i;
CREATE INDEX odd_backwards ON app.odd (a app.backwards);
CREATE INDEX odd_words ON app.odd USING gin (to_tsvector('app.words', name));
CREATE INDEX odd_twice ON app.odd (app.doubled(a)) WHERE a > 2;
ALTER TABLE app.odd REPLICA IDENTITY FULL;
ALTER TABLE app.odd ALTER name SET STORAGE external;
CREATE VIEW app.sums AS SELECT name, app.total(a) AS total FROM app.odd GROUP BY name;
CREATE FUNCTION app.no() RETURNS trigger LANGUAGE plpgsql AS 'begin return null; end';
CREATE TRIGGER sums_no INSTEAD OF DELETE ON app.sums FOR EACH ROW EXECUTE FUNCTION app.no();
CREATE MATERIALIZED VIEW app.sums_kept AS SELECT * FROM app.sums;
CREATE MATERIALIZED VIEW app.sums_twice AS SELECT total * 2 AS t FROM app.sums_kept;
CREATE TABLE app.hen (id int PRIMARY KEY, egg int);
CREATE TABLE app.egg (id int PRIMARY KEY, hen int REFERENCES app.hen);
ALTER TABLE app.hen ADD CONSTRAINT hen_egg FOREIGN KEY (egg) REFERENCES app.egg
    DEFERRABLE INITIALLY DEFERRED;
COMMENT ON CONSTRAINT hen_egg ON app.hen IS 'which was first';
INSERT INTO app.egg VALUES (1, NULL);
INSERT INTO app.hen VALUES (1, 1);
UPDATE app.egg SET hen = 1;

CREATE FUNCTION app.inner_one(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT \$1 > 0';
CREATE FUNCTION app.outer_one(int) RETURNS bool LANGUAGE sql IMMUTABLE
    AS 'SELECT app.inner_one(\$1)';
CREATE TABLE app.hidden (a int CHECK (app.outer_one(a)));
INSERT INTO app.hidden VALUES (1);

CREATE TABLE audit.orders (id int, note text);
INSERT INTO audit.orders SELECT i, 'seen' FROM generate_series(1, 50) i;
ALTER TABLE audit.orders OWNER TO other_owner;
CREATE TABLE public."Odd Name" (a int);
INSERT INTO public."Odd Name" VALUES (7);
CREATE TABLE big AS SELECT i, md5(i::text) || md5((-i)::text) AS v
    FROM generate_series(1, 60000) i;
SELECT lo_from_bytea(777001, 'large');
COMMENT ON LARGE OBJECT 777001 IS 'a large one';
CREATE PUBLICATION news FOR TABLE app.orders;
END
    fail 'the database could not be made' "$work/err"
quietly "$pgkeep" backup -d shop --name shop
export PGKEEP_SOURCE=shop # whose latest is meant

rows() { # DATABASE TABLE
    PGOPTIONS=$settings sql "$1" "SELECT x::text COLLATE \"C\" FROM $2 x ORDER BY 1"
}
# As pg_dump describes it, without what belongs to other tables.
described() { # DATABASE TABLE
    PGOPTIONS=$settings pg_dump -s -t "$2" -d "$1" |
        grep -vE '^\\(un)?restrict |^-- Dumped (from|by)' >"$work/$1.described"
}
without_foreign_keys() { # FILE
    sed -i -e '/FOREIGN KEY/d' -e '/^ALTER TABLE ONLY .*[a-z]$/d' -e '/FK CONSTRAINT/d' \
        -e '/^--$/d' -e '/^$/d' "$1"
}
count=0
restore_part() { # ARGUMENT...: into a new database, $db
    count=$((count + 1))
    db=part$count
    exits "restore $*" 0 "$pgkeep" restore latest --into-new "$db" --no-analyze "$@"
}
like_source() { # TABLE
    rows shop "$1" >"$work/rows1"
    rows "$db" "$1" >"$work/rows2" 2>"$work/err" || bad "$1: no rows" "$work/err"
    same_file "$1: every row" "$work/rows1" "$work/rows2"
    described shop "$1"
    described "$db" "$1"
    without_foreign_keys "$work/shop.described"
    without_foreign_keys "$work/$db.described"
    same_file "$1: as pg_dump describes it" "$work/shop.described" "$work/$db.described"
}
relations() {
    sql "$db" "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname !~ '^(pg_|information)' AND relkind IN ('r', 'p', 'v', 'm')"
}
foreign_keys() {
    sql "$db" "SELECT count(*) FROM pg_constraint WHERE contype = 'f'"
}

# ---- each alone ----
restore_part -t app.customers
like_source app.customers
same 'nothing but the table' 1 "$(relations)"
same 'the identity goes on' 301 \
    "$(sql "$db" "INSERT INTO app.customers (name) VALUES ('x') RETURNING id")"
restore_part -t app.orders
says 'the foreign key is told' 'orders_customer_fkey is left out: TABLE app.customers'
like_source app.orders
same 'no foreign key' 0 "$(foreign_keys)"
same 'the serial goes on, the default and its sequence work' '901|new|1401' \
    "$(sql "$db" "INSERT INTO app.orders (customer) VALUES (1) RETURNING id, label, number")"
same 'the rule has its table, without rows' 2 "$(relations)"
restore_part -t app.events
like_source app.events
same 'all partitions' '5 701' "$(relations) $(sql "$db" 'SELECT count(*) FROM app.events')"
restore_part -t app.events_1
like_source app.events_1
same 'one partition, and its parent without the others' '2 365' \
    "$(relations) $(sql "$db" 'SELECT count(*) FROM app.events')"
restore_part -t app.names
same 'a view has its rows' "$(rows shop app.names)" "$(rows "$db" app.names)"
restore_part -t totals -t grouped
like_source app.totals
same 'a view with a late rule' "$(rows shop app.grouped)" "$(rows "$db" app.grouped)"
restore_part -t child
like_source app.child
restore_part -t tree -t '"Odd Name"' -t numbers
like_source app.tree
like_source 'public."Odd Name"'
same 'a key to itself' 1 "$(foreign_keys)"
same 'a sequence goes on' 1401 "$(sql "$db" "SELECT nextval('app.numbers')")"

restore_part -t app.odd
like_source app.odd
restore_part -t app.sums_twice -t app.sums
like_source app.sums
like_source app.sums_twice
like_source app.sums_kept
same 'a trigger of a view' 1 \
    "$(sql "$db" "SELECT count(*) FROM pg_trigger WHERE tgname = 'sums_no'")"
exits 'a function that a function uses inside' 1 \
    "$pgkeep" restore latest -t app.hidden --into-new hidden
says 'the way out is told' '^hint: what a function uses inside .* -n takes a whole schema'

quietly "$pgkeep" backup -d shop --source some -t audit.orders
exits 'a backup without the schema' 1 \
    "$pgkeep" restore latest --source some -t orders --into-new some
says 'that is told' '^hint: a backup of some tables only has no schemas'

# ---- several ----
restore_part -t hen -t egg
like_source app.hen
same 'keys in a circle, and their comments' '2|1' "$(sql "$db" "SELECT count(*),
    count(obj_description(oid, 'pg_constraint')) FROM pg_constraint WHERE contype = 'f'")"
restore_part -t app.orders -t app.customers
same 'the foreign key is there' 1 "$(foreign_keys)"
restore_part -t orders
says 'two tables of that name' '-t orders: 2 have that name, all are taken: .*audit.orders'
same 'both' '900 50' "$(sql "$db" 'SELECT count(*) FROM app.orders') $(
    sql "$db" 'SELECT count(*) FROM audit.orders')"
restore_part -n audit -t orders
like_source audit.orders
same 'one schema only' 1 "$(relations)"
restore_part -t 'app.cust*' -t 'audit.order?' --large-objects
same 'patterns' '2' "$(relations)"
same 'large objects' 'large|a large one' "$(sql "$db" "SELECT convert_from(lo_get(777001),
    'UTF8'), obj_description(777001, 'pg_largeobject')")"
restore_part -n app
for table in customers orders names grouped totals events_1 child odd sums hidden; do
    like_source "app.$table"
done
same 'all foreign keys' 4 "$(foreign_keys)"

# ---- all of them ----
restore_part -n '*' --large-objects
describe shop "$work/all1"
describe "$db" "$work/all2"
same_file 'all schemas: rows, sequences, constraints, large objects' "$work/all1.rows" \
    "$work/all2.rows"
same 'all schemas: what is left of the schema' 'PUBLICATION PUBLICATION TABLE' \
    "$({ diff "$work/all1.schema" "$work/all2.schema" || true; } |
        sed -nE 's/^< -- Name: .*; Type: ([A-Z ]+);.*/\1/p' | xargs)"

# ---- roles of what is taken only ----
sql postgres 'ALTER ROLE other_owner RENAME TO gone'
exits 'a role that another table needs' 0 \
    "$pgkeep" restore latest -t app.tree --into-new roles1
exits 'a role that this one needs' 1 "$pgkeep" restore latest -t audit.orders --into-new roles2
says 'it is named' other_owner
sql postgres 'ALTER ROLE gone RENAME TO other_owner'

# ---- parts, files ----
restore_part -t app.orders --schema-only
same 'no rows' 0 "$(sql "$db" 'SELECT count(*) FROM app.orders')"
exits 'rows into tables that are there' 0 bash -c "set -o pipefail
    '$pgkeep' restore latest -t app.orders --data-only --to-file - | pg_restore -d $db"
same 'rows' 900 "$(sql "$db" 'SELECT count(*) FROM app.orders')"
exits 'an archive of one table' 0 \
    "$pgkeep" restore latest -t app.orders --to-file "$work/orders.dump"
exits 'pg_restore lists it' 0 pg_restore --list "$work/orders.dump"
says 'its table' 'TABLE DATA app orders'
exits 'it restores in parallel' 0 bash -c "createdb par && pg_restore -j2 -d par \
    '$work/orders.dump'"
exits 'the schema of all' 0 "$pgkeep" restore latest --schema-only --into-new empty
same 'no rows at all' '0 0' "$(sql empty 'SELECT count(*) FROM big') $(
    sql empty 'SELECT count(*) FROM pg_largeobject_metadata')"

# ---- names that are not there, options that do not go together ----
exits 'a table that is not there' 2 "$pgkeep" restore latest -t app.order
says 'the nearest is named' '^hint: the nearest tables: app.orders,'
exits 'a schema that is not there' 2 "$pgkeep" restore latest -n apps
says 'the nearest schema is named' '^hint: the nearest schemas: app,'
exits 'a pattern that matches nothing' 2 "$pgkeep" restore latest -t 'x*'
exits 'a table that is in another schema' 2 "$pgkeep" restore latest -n audit -t customers
exits '--data-only into a new database' 2 "$pgkeep" restore latest -t app.orders --data-only
exits 'both' 2 "$pgkeep" restore latest --schema-only --data-only --to-file -
no_leftovers 'refused'

# ---- plans ----
field() { # NAME
    sed -nE "s/^ *\"$1\": ([0-9]+),?$/\1/p" "$work/out" | head -n 1
}
exits 'a plan' 0 "$pgkeep" restore latest -t app.orders --plan
says 'what was asked for' '^TABLE +app +orders +asked for$'
says 'what belongs to it' '^TABLE DATA +app +orders +part of TABLE app.orders$'
says 'what it needs' '^FUNCTION +app +fits\(text\) +needed by TABLE app.orders$'
says 'the target' '^target: +new database shop_restored_'
says 'what is left out' '^note: FK CONSTRAINT .* is left out'
says 'large objects' '^note: large objects are not taken'
exits 'a plan for machines' 0 "$pgkeep" --json restore latest -t app.tree --plan
says 'why' '"why": "part-of"'
same 'rows of the table' 2 "$(field rows)"
part=$(field fetch_bytes)
exits 'a plan of all' 0 "$pgkeep" --json restore latest --plan
same 'all rows' 61967 "$(field rows)"
at_most 'per mille of the bytes that a small table fetches' 20 \
    $((part * 1000 / $(field fetch_bytes)))
same 'a plan does nothing' '' \
    "$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'shop\\_%'")"
no_leftovers 'plans'
