#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# find: which backups have a row with a certain value, the first and the last, in values as they
# are in the database; a table that did not change is read once.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
createdb shop
new_repository repo
use_recovery_code repo
night() { # OPTION...
    quietly "$pgkeep" backup -d shop --name shop "$@"
}
found() { # EXPECTED-COUNTS: of rows that match, oldest backup first
    same "rows: $1" "$1" "$({ "$pgkeep" find --json "${question[@]}" || true; } |
        sed -nE 's/^ *"matching": *([0-9]+).*/\1/p' | xargs)"
}
ask() { # STATUS OPTION...
    local status=$1
    shift
    question=("$@")
    exits "find $*" "$status" "$pgkeep" find "$@"
}

sql shop 'CREATE TABLE people (id int PRIMARY KEY, name text, mail text)' \
    "INSERT INTO people SELECT i, 'name ' || i, 'm' || i || '@example.net'
        FROM generate_series(1, 1000) i"
night
sql shop "INSERT INTO people VALUES (2001, 'Ann Lee', NULL), (2002, E'two\\nlines', 'ann'),
    (2003, E'back\\\\slash', E'tab\\there'), (2004, '', 'x')"
night --tag release
night
sql shop 'DELETE FROM people WHERE id = 2001'
night --kind weekly
sql shop 'DELETE FROM people WHERE id > 2000' 'CREATE TABLE later (a text)' \
    "INSERT INTO later VALUES ('Ann Lee')"
night
mapfile -t ids < <("$pgkeep" list --json | sed -nE 's/^ *"id": *"([0-9a-f]{32})".*/\1/p')
same 'backups' 5 "${#ids[@]}"

ask 0 --table people --match 'Ann L'
found '0 1 1 0 0'
says 'the first and the last' \
    "^shop: first in ${ids[1]:0:8} \(.*\), last in ${ids[2]:0:8} \(.*\), in 2 of 5 backups"
says 'what did not change is not read' "^${ids[2]:0:8} .* 1,004 +1 +same as before"
says 'all others are' "^${ids[3]:0:8} .* 1,003 +0 +read"
ask 0 --table public.people --match name
found '1000 1000 1000 1000 1000'
ask 1 --table people --match 'nobody at all'
says 'in words' '^shop: in none of 5 backups'
found '0 0 0 0 0'

# ---- values, not COPY text ----
ask 0 --table people --match $'two\nlines'
found '0 1 1 1 0'
ask 1 --table people --match nlines
ask 0 --table people --match 'back\slash'
ask 0 --table people --match $'tab\there'
ask 1 --table people --match $'Lee\t'
ask 1 --table people --match '\N'

# ---- a column ----
ask 0 --table people --match ann --column mail
found '0 1 1 1 0'
ask 1 --table people --match an --column mail
ask 1 --table people --match ann --column name
ask 0 --table people --match '' --column name
found '0 1 1 1 0'
ask 1 --table people --match '' --column mail
sql shop 'ALTER TABLE people ADD COLUMN note text' "UPDATE people SET note = 'n' WHERE id = 5"
night
ask 0 --table people --match n --column note
says 'backups without the column' "^${ids[4]:0:8} .* no such column"
ask 2 --table people --match n --column notes
says 'a column that is nowhere' '--column notes: no backup has it'

# ---- some backups ----
ask 0 --table later --match 'Ann Lee'
says 'backups without the table' "^${ids[3]:0:8} .* no such table"
ask 0 --table people --match 'Ann' --tag release
found 1
ask 1 --table people --match 'Ann' --kind weekly
found 0
ask 1 --table people --match 'Ann' --before '2001-01-01 00:00'
says 'no backup' 'no backup is like that'
ask 2 --table peopl --match x
says 'the nearest' '^hint: the nearest tables: public.people'
ask 2 --table people
ask 2 --match x
ask 2 --table people --match ''
exits 'quietly' 0 "$pgkeep" find -q --table people --match 'Ann Lee'
same 'no word' '' "$(cat "$work/out" "$work/err")"

# ---- several sources, partitions, what has no rows ----
createdb other
sql other 'CREATE TABLE people (mail text, id int) PARTITION BY RANGE (id)' \
    'CREATE TABLE people_1 (id int, mail text)' \
    'ALTER TABLE people ATTACH PARTITION people_1 FOR VALUES FROM (0) TO (10)' \
    'CREATE TABLE people_2 PARTITION OF people FOR VALUES FROM (10) TO (20)' \
    "INSERT INTO people SELECT 'ann', i FROM generate_series(1, 19) i"
quietly "$pgkeep" backup -d other --name other
pg_dump -Fc -Z0 --inserts -d other -f "$work/inserts.dump"
quietly "$pgkeep" backup --file "$work/inserts.dump" --name other
ask 0 --table people --match ann --column mail
says 'each source' '^shop: first in .*, in 3 of 6 backups'
says 'partitions too' '^other: first in .*, in 1 of 2 backups; 1 could not be searched'
says 'and why' 'its rows are not COPY text'
ask 0 --table people --match ann --source other
exits 'as JSON' 0 "$pgkeep" find --table people --match ann --json
python3 - "$work/out" "${ids[1]}" "${ids[3]}" <<'END' || bad 'the JSON' "$work/out"
import json, sys

d = json.load(open(sys.argv[1]))
assert d["found"] is True and len(d["backups"]) == 8
shop, other = d["sources"]
assert shop["source"] == "shop" and shop["first"]["id"] == sys.argv[2]
assert shop["last"]["id"] == sys.argv[3] and shop["backups_with"] == 3
assert other["not_searched"] == 1 and d["backups"][6]["matching"] == 19
assert d["backups"][7]["result"] == "not searched"
END
