#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Down to rows: diff --table tells exactly the rows that differ, whatever their order and in the
# columns that both backups have; memory does not grow with the table.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
createdb shop
new_repository repo
use_recovery_code repo
night() {
    quietly "$pgkeep" backup -d shop --name shop --volatile early
}
differs() { # TABLE [OPTION...]: between the last two nights; rows that differ in $work/rows
    exits "diff --table $*" 4 "$pgkeep" diff latest~1 latest --table "$@"
    grep -E '^[-+]' "$work/out" >"$work/rows" || true
}
tells() { # WHAT EXPECTED-ROWS...
    local what=$1
    shift
    printf '%s\n' "$@" >"$work/expected"
    same_file "$what" "$work/expected" "$work/rows"
}

make_rows shop items 3000
sql shop 'CREATE SCHEMA app' \
    'CREATE TABLE app.plain (a int, t text)' \
    "INSERT INTO app.plain SELECT i / 3, 'same' FROM generate_series(0, 29) i" \
    'CREATE TABLE odd (id int PRIMARY KEY, t text)' \
    "INSERT INTO odd VALUES (1, E'line\\nnext'), (2, E'tab\\there'), (3, E'back\\\\slash'),
        (4, NULL), (5, ''), (6, E'bell\\007 \\033[1m')" \
    'CREATE TABLE pair ("B 2" text, a int, v text, PRIMARY KEY (a, "B 2"))' \
    "INSERT INTO pair SELECT 'x' || i % 3, i, 'v' FROM generate_series(1, 9) i" \
    'CREATE TABLE cols (id int PRIMARY KEY, gone text, v text, w int)' \
    "INSERT INTO cols SELECT i, 'g', 'v' || i, i FROM generate_series(1, 100) i" \
    'CREATE TABLE parts (at int, v text) PARTITION BY RANGE (at)' \
    'CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100)' \
    'CREATE TABLE parts_2 (v text, at int)' \
    'ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (100) TO (200)' \
    "INSERT INTO parts SELECT i, 'v' || i FROM generate_series(0, 199) i" \
    'CREATE TABLE early (a int)' 'INSERT INTO early VALUES (1), (2)' \
    'CREATE TABLE none (a int)' 'CREATE VIEW seen AS SELECT * FROM items'
night

# ---- the same ----
night
exits 'the same rows' 0 "$pgkeep" diff latest~1 latest --table items
says 'in words' '^rows: 0 added, 0 removed, 0 changed, 3,000 the same'
exits 'an empty table' 0 "$pgkeep" diff latest~1 latest --table none
sql shop 'CREATE INDEX by_v ON items (v)' 'CLUSTER items USING by_v'
night
exits 'another order' 0 "$pgkeep" diff latest~1 latest --table public.items

# ---- rows ----
sql shop "UPDATE items SET v = 'new' || id WHERE id IN (7, 2999)" \
    'DELETE FROM items WHERE id = 5' "INSERT INTO items VALUES (3001, 'added')" \
    'DELETE FROM app.plain WHERE ctid IN (SELECT max(ctid) FROM app.plain WHERE a = 4)' \
    "INSERT INTO app.plain VALUES (6, 'same'), (6, 'same'), (11, 'x')" \
    'DELETE FROM app.plain WHERE a = 9' \
    "UPDATE odd SET t = t || '!' WHERE id <> 4" "UPDATE odd SET t = 'was null' WHERE id = 4" \
    "UPDATE pair SET v = 'w' WHERE a = 4" 'UPDATE pair SET a = 50 WHERE a = 5' \
    "UPDATE parts SET v = 'moved', at = 150 WHERE at = 50" 'DELETE FROM parts WHERE at = 199' \
    'DROP TABLE early' 'CREATE TABLE late (a int)' 'INSERT INTO late VALUES (1), (2), (3)'
md5() {
    printf %s "$1items" | md5sum | cut -c -32
}
night
differs items
says 'the head' '^table public.items: 3,000 rows before, 3,000 after'
says 'the sum' '^rows: 1 added, 1 removed, 2 changed, 2,997 the same'
same 'an update is two lines' "$(printf -- '-7\t%s\n+7\tnew7' "$(md5 7)")" \
    "$(grep -A 1 -- '^-7' "$work/rows")"
same 'the other' "$(printf -- '-2999\t%s\n+2999\tnew2999' "$(md5 2999)")" \
    "$(grep -A 1 -- '^-2999' "$work/rows")"
same 'what is new comes last' $'+3001\tadded' "$(tail -n 1 "$work/rows")"
same 'what is gone' 1 "$(grep -c -- "^-5"$'\t' "$work/rows")"
same 'nothing else' 6 "$(wc -l <"$work/rows")"
differs app.plain
tells 'rows are counted where there is no key' $'-4\tsame' $'-9\tsame' $'-9\tsame' \
    $'-9\tsame' $'+6\tsame' $'+6\tsame' $'+11\tx'
differs odd
tells 'rows are lines of COPY text, safe to look at' \
    $'-1\tline\\nnext' $'+1\tline\\nnext!' $'-2\ttab\\there' $'+2\ttab\\there!' \
    $'-3\tback\\\\slash' $'+3\tback\\\\slash!' $'-4\t\\N' $'+4\twas null' $'-5\t' $'+5\t!' \
    $'-6\tbell\\x07 \\x1b[1m' $'+6\tbell\\x07 \\x1b[1m!'
differs pair
tells 'a key of two columns with an odd name' $'-x1\t4\tv' $'+x1\t4\tw' $'-x2\t5\tv' \
    $'+x2\t50\tv'
says 'its columns' '^columns compared: B 2, a, v$'
differs parts
tells 'a partitioned table is one' $'-50\tv50' $'-199\tv199' $'+150\tmoved'
differs parts_2
tells 'a partition is one, too' $'-v199\t199' $'+moved\t150'
differs odd -q
same 'quietly' '' "$(cat "$work/out" "$work/err")"
differs early
says 'a table that is gone' '^table public.early: only before, in [0-9a-f]{8} \(2 rows\)'
differs late
says 'a table that is new' '^table public.late: only after, in [0-9a-f]{8} \(3 rows\)'

differs odd --json
python3 - "$work/out" <<'END' || bad 'the JSON of rows' "$work/out"
import json, sys

lines = [json.loads(line) for line in open(sys.argv[1])]
assert [l["message_type"] for l in lines] == ["row"] * 6 + ["summary"]
rows = {l["before"]["id"]: l for l in lines[:-1]}
assert rows["1"]["before"]["t"] == "line\nnext" and rows["1"]["after"]["t"] == "line\nnext!"
assert rows["3"]["before"]["t"] == "back\\slash" and rows["5"]["before"]["t"] == ""
assert rows["4"]["before"]["t"] is None and rows["4"]["change"] == "changed"
end = lines[-1]
assert end["different"] is True and end["changed"] == 6 and end["added"] == 0
assert end["name"] == "odd" and end["columns"] == ["id", "t"] and end["has_primary_key"]
END
differs early --json
says 'the JSON of one that is gone' '"rows_after": ?null'

# ---- columns ----
sql shop 'ALTER TABLE cols DROP COLUMN gone' \
    "ALTER TABLE cols ADD COLUMN fresh text DEFAULT 'f'" \
    'ALTER TABLE cols DROP COLUMN w' 'ALTER TABLE cols ADD COLUMN w int' \
    'UPDATE cols SET w = id' "UPDATE cols SET v = 'changed' WHERE id = 42"
night
differs cols
says 'columns that are gone' '^columns only before: gone$'
says 'columns that are new' '^columns only after: fresh$'
says 'the others are compared' '^columns compared: id, v, w$'
tells 'by name, in the old order' $'-42\tv42\t42' $'+42\tchanged\t42'
sql shop "ALTER TABLE cols ADD COLUMN note text"
night
differs cols
same 'no row differs, a column does' '' "$(cat "$work/rows")"
says 'all rows are the same' '^rows: 0 added, 0 removed, 0 changed, 100 the same'

# ---- what is no table with rows ----
exits 'no such table' 2 "$pgkeep" diff latest~1 latest --table item
says 'the nearest' '^hint: the nearest tables: public.items'
says 'the option is named' '--table item: '
exits 'a view' 1 "$pgkeep" diff latest~1 latest --table seen
says 'it has no rows' 'VIEW public.seen: the backup holds no rows of it'
exits 'no name' 2 "$pgkeep" diff latest~1 latest --table '"odd'
exits 'a pattern of several' 2 "$pgkeep" diff latest~1 latest --table 'parts*'
says 'one is expected' '^hint: say which'
exits 'with --schema' 2 "$pgkeep" diff latest~1 latest --table items --schema

# ---- many rows ----
# The hashes of a table of any size take 64 MiB at most; here they all fit into 13.
make_rows shop large 200000
night
sql shop "UPDATE large SET v = 'changed' WHERE id % 2000 = 0"
night
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1
peak() { # COMMAND...: in MiB
    "$root/tests/bench/measure" --stdout "$work/out" "$@" >"$work/measured" 2>"$work/err" ||
        true
    awk '{ print int($3) }' "$work/measured"
}
reading=$(peak "$pgkeep" cat latest large)
comparing=$(peak "$pgkeep" diff latest~1 latest --table large)
says 'a hundred of 200,000 rows' '^rows: 0 added, 0 removed, 100 changed, 199,900 the same'
same 'each with its key' 100 \
    "$(grep -A 1 -E -- '^-' "$work/out" | grep -cE '^\+[0-9]+000'$'\t')"
at_most 'MiB more than one reader takes' 48 $((comparing - reading))

# ---- long rows ----
sql shop 'CREATE TABLE long (id int PRIMARY KEY, t text)' \
    "INSERT INTO long SELECT 1, string_agg(md5(i::text), '')
        FROM generate_series(1, 180000) i" \
    "INSERT INTO long SELECT 2, t || t || t FROM long"
night
sql shop "UPDATE long SET t = t || '!'"
night
differs long
says 'two of them' '^rows: 1 added, 1 removed, 1 changed, 0 the same'
same 'one is whole' '5760003 5760004' \
    "$(sed -nE 's/^[-+]1\t//p' "$work/rows" | awk '{ print length($0) + 3 }' | xargs)"
same 'one is cut' '17280003 17280004' \
    "$(sed -nE 's/^[-+]2\t.* \[\.\.\. ([0-9]+) bytes in all\]$/\1/p' "$work/rows" | xargs)"
says 'that is told' '^note: 2 rows are cut after 16 MiB'
differs long --json
same 'JSON has the length of one that is cut' '17280003 17280004' \
    "$(grep -oE '"cut_bytes": ?[0-9]+' "$work/out" | grep -oE '[0-9]+' | xargs)"

# ---- another source ----
pg_dump -Fc -Z0 --inserts -d shop -f "$work/inserts.dump"
quietly "$pgkeep" backup --file "$work/inserts.dump" --name inserts
exits 'INSERT commands' 1 "$pgkeep" diff latest latest --source inserts --table items
says 'that is told' 'items: its rows are not COPY text'
