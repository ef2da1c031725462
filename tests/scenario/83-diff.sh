#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# diff tells what changed between two backups, and nothing else: objects with their SQL, tables
# by their content, whatever the order of rows; exit 4 when anything did.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
make_fixture shop
make_rows shop orders 5000
make_rows shop items 3000
make_rows shop gone 10
new_repository repo
use_recovery_code repo
night() {
    quietly "$pgkeep" backup -d shop --name shop --volatile gone
}
changes() { # PATTERN COUNT: lines of the last diff
    same "lines of $1" "$2" "$(grep -cE "$1" "$work/out" || true)"
}
night
night
exits 'nothing changed' 0 "$pgkeep" diff latest~1 latest
changes '^(added|removed|changed) ' 0
says 'it says so' '^objects: 0 added, 0 removed, 0 changed, [0-9]+ the same'
says 'of data, too' '^data: 0 added, 0 removed, 0 changed, [0-9]+ the same'

# The same rows in another order are the same.
sql shop 'CREATE INDEX by_v ON orders (v)'
night
sql shop 'CLUSTER orders USING by_v'
night
exits 'CLUSTER' 4 "$pgkeep" diff latest~1 latest
changes '^changed  (TABLE|INDEX) ' 1
says 'data is the same' '^data: 0 added, 0 removed, 0 changed'
says 'but CLUSTER is remembered' '^changed  INDEX public.by_v'

sql shop 'ALTER TABLE orders ADD COLUMN note text' 'CREATE TABLE fresh (a int)' \
    'INSERT INTO fresh VALUES (1), (2)' 'DROP TABLE gone' \
    'UPDATE items SET v = reverse(v) WHERE id = 7' \
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'" \
    'CREATE ROLE somebody' 'ALTER TABLE items OWNER TO somebody'
night
exits 'a day of work' 4 "$pgkeep" diff latest~1 latest --schema
says 'a table that is new' '^added    TABLE public.fresh'
says 'a function' '^added    FUNCTION public.f\(\)'
says 'one that is gone' '^removed  TABLE public.gone'
says 'a column' '^changed  TABLE public.orders'
says 'as SQL before' '^    - .*v text'
says 'and after' '^    \+ .*note text'
says 'an owner' '^    owner postgres -> somebody'
says 'rows that are new' 'public.fresh +added +2 '
says 'rows that are gone' 'public.gone +removed +10 '
says 'one row in three thousand' 'public.items +changed +3,000 '
exits 'the other way round' 4 "$pgkeep" diff latest latest~1
says 'is the opposite' '^removed  TABLE public.fresh'
exits 'as JSON' 4 "$pgkeep" diff latest~1 latest --json --schema
python3 - "$work/out" <<'END' || bad 'the JSON' "$work/out"
import json, sys

d = json.load(open(sys.argv[1]))
assert d["different"] is True
tables = {t["name"]: t for t in d["data"]}
assert tables["fresh"]["after"] == {"rows": 2, "bytes": 4} and tables["fresh"]["before"] is None
assert tables["items"]["change"] == "changed" and "orders" in tables
made = [o for o in d["objects"] if o["type"] == "TABLE" and o["name"] == "fresh"]
assert made[0]["before"] is None and "CREATE TABLE" in made[0]["after"]
END
exits 'quietly' 4 "$pgkeep" diff latest~1 latest -q
same 'without a word' '' "$(cat "$work/out" "$work/err")"
exits 'one backup' 2 "$pgkeep" diff latest
exits 'one that is not there' 1 "$pgkeep" diff latest abcdabcd

# One table over all of them.
exits 'history' 0 "$pgkeep" history items
same 'a line for each backup' 5 "$(grep -c 'public.items' "$work/out")"
says 'the first' 'public.items +new +3,000 .* new *$'
says 'nothing new' 'public.items +same +3,000 .* same *$'
says 'the owner and a row' 'public.items +changed +3,000 .* changed *$'
exits 'of one that went' 0 "$pgkeep" history public.gone --json
says 'the last line says so' '"schema_change": *"gone"'
exits 'of one that came' 0 "$pgkeep" history fresh
same 'has one line' 1 "$(grep -cE 'public.fresh +new +2 ' "$work/out")"
exits 'of none' 1 "$pgkeep" history nothing_like_it
exits 'of too many' 2 "$pgkeep" history '*'
unset PGKEEP_RECOVERY_KEY_FILE
exits 'without a key' 12 "$pgkeep" diff latest~1 latest
