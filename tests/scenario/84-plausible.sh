#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A night that lost tables or most of their rows is stored, suspect and told (exit 3), until a
# keeper accepts it; what loses rows as a matter of course raises no alarm.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
createdb shop
make_rows shop orders 6000
make_rows shop items 3000
make_rows shop staff 12
new_repository repo

night() { # WHAT STATUS [OPTION...]
    local what=$1 status=$2
    shift 2
    exits "$what" "$status" "$pgkeep" backup -d shop --name shop "$@"
}
silent() { # WHAT: the last backup had nothing to say but its line
    same "$1: no warning" '' "$(cat "$work/err")"
}
state() { # PLACE: as list says it
    "$pgkeep" list | sed -n "$(($1 + 1))p" | grep -oE '(committed|confirmed|verified).*$'
}

# ---- the first nights, and one that is suspect -------------------------------------------
night 'the first night' 0
silent 'the first night'
sql shop 'DELETE FROM orders WHERE id > 5000' 'INSERT INTO staff VALUES (99)'
night 'an ordinary one' 0
silent 'an ordinary one'
sql shop 'DELETE FROM orders WHERE id > 1000' 'DROP TABLE items' 'TRUNCATE staff'
night 'a bad one' 3
says 'a table that is gone' 'warning: suspect: table public.items is gone: rows usually: 3000'
says 'one that lost rows' \
    'suspect: table public.orders lost 80 % of its rows: 1000, usually 5000'
says 'one that is empty' 'suspect: table public.staff is empty: rows usually: 12'
says 'what to do' 'backup [0-9a-f]{8} is stored, but suspect: .*, and 2 more; `pgkeep ack '
says 'in the line for cron' '^backup .*; suspect$'
visible 'it is stored' 3
same 'list says so' 'committed (suspect)' "$(state 3)"
same 'and nothing of the others' 'committed' "$(state 2)"
exits 'show' 0 "$pgkeep" show latest
says 'the state' '^state +suspect$'
says 'the findings' 'finding +table public.orders lost 80 %'
exits 'it can be restored' 0 "$pgkeep" restore latest --into-new lost -q

night 'nobody accepted it, so it is no measure' 3 --json
python3 - "$work/out" <<'END' || bad 'the JSON' "$work/out"
import json, sys

d = json.load(open(sys.argv[1]))
assert d["suspect"] is True and d["unchecked"] is False
found = {f["name"]: f for f in d["findings"]}
assert sorted(found) == ["items", "orders", "staff"]
assert found["orders"]["finding"] == "shrunk" and found["orders"]["suspect"] is True
assert found["orders"]["rows"] == 1000 and found["orders"]["usual_rows"] == 5000
assert found["items"]["finding"] == "vanished" and found["staff"]["finding"] == "emptied"
END

# ---- ack ----------------------------------------------------------------------------------
exits 'no reason' 2 "$pgkeep" ack latest
exits 'no backup' 2 "$pgkeep" ack --reason x
exits 'one that is not suspect' 2 "$pgkeep" ack latest~2 --reason x
says 'it says so' 'is not suspect'
exits 'ack' 0 "$pgkeep" ack latest --reason 'items moved to the archive'
says 'it is accepted' '^backup [0-9a-f]{8} is accepted$'
exits 'once more' 0 "$pgkeep" ack latest --reason 'again'
says 'it was before' 'is accepted already'
same 'one mark' 1 "$(find "$PGKEEP_REPOSITORY/marks" -type f | wc -l)"
same 'no reason can be read there' 0 "$(grep -lar archive "$PGKEEP_REPOSITORY/marks" | wc -l)"
same 'list' 'committed (acked)' "$(state 4)"
same 'the one before is not' 'committed (suspect)' "$(state 3)"
exits 'show' 0 "$pgkeep" show latest
says 'accepted' '^state +suspect, and accepted'
says 'why' 'reason +items moved to the archive'
exits 'a catalog made anew' 0 "$pgkeep" catalog rebuild -q
exits 'says the same' 0 "$pgkeep" catalog check -q
same 'of the ack, too' 'committed (acked)' "$(state 4)"
quietly "$pgkeep" copy --from "$PGKEEP_REPOSITORY" --to "$work/second"
same 'and of a replica' 'committed (acked)' "$(PGKEEP_REPOSITORY=$work/second state 4)"
night 'the next night' 0
silent 'the next night'

# A writer may not accept anything.
(
    new_home writer
    quietly "$pgkeep" list
    exits 'a host without keys' 12 env -u PGKEEP_PASSPHRASE "$pgkeep" ack latest --reason x
    says 'what is missing' 'not enrolled'
    [[ $failed -eq 0 ]]
) || failed=$((failed + 1))

# ---- tables that live on loss -------------------------------------------------------------
sql shop "CREATE TABLE log (day int, v text) PARTITION BY LIST (day)" \
    'CREATE TABLE queue (id int)' 'CREATE TABLE stage (id int)' \
    "INSERT INTO orders SELECT i, 'x' FROM generate_series(2000, 9000) i"
for day in 1 2 3; do
    sql shop "CREATE TABLE log_$day PARTITION OF log FOR VALUES IN ($day)" \
        "INSERT INTO log SELECT $day, md5(i::text) FROM generate_series(1, 2000) i"
done
waiting=(8 3 0 12 5 0 0 7 1 0) # in the queue, night by night
for day in 4 5 6 7 8 9 10 11 12 13; do
    sql shop "CREATE TABLE log_$day PARTITION OF log FOR VALUES IN ($day)" \
        "INSERT INTO log SELECT $day, md5(i::text) FROM generate_series(1, 2000) i" \
        "DROP TABLE log_$((day - 3))" 'TRUNCATE queue' \
        "INSERT INTO queue SELECT generate_series(1, ${waiting[$((day - 4))]})"
    "$pgkeep" backup -d shop --name shop >"$work/out" 2>"$work/err" ||
        bad "rotated to day $day: no alarm" "$work/out" "$work/err"
done
exits 'the second reader minds neither marks nor roots' 0 env \
    PGKEEP_RECOVERY_KEY_FILE="$work/repo.code" \
    "$root/tools/read-backup" "$PGKEEP_REPOSITORY" extract latest "$work/back"
ok 'ten nights of partitions that are made and dropped, and of a queue'
visible 'all of them' 15
sql shop 'DROP TABLE log'
night 'the whole tree' 3
says 'is one table' 'suspect: table public.log is gone: rows usually: 6000'
says 'and that alone' 'stored, but suspect: table public.log is gone: rows usually: 6000; '
quietly "$pgkeep" ack latest --reason 'no more log'

# ---- what the caller knows ----------------------------------------------------------------
exits 'no pattern' 2 "$pgkeep" backup -d shop --volatile 'a.b.c'
sql shop 'INSERT INTO stage SELECT generate_series(1, 4000)'
night 'a table fills' 0
night 'and stays' 0
sql shop 'TRUNCATE stage'
night 'volatile' 0 --volatile 'public.sta*e' --volatile other
says 'a warning only' 'warning: table public.stage is empty: .*; it is volatile'
sql shop 'ALTER TABLE orders RENAME TO purchases'
night 'another name' 0
says 'is one' 'table public.orders is called public.purchases now'
night 'other filters' 0 -T staff -T stage
says 'are told: nothing is compared' 'no backup of source shop was made with the same filters'
sql shop 'DELETE FROM purchases WHERE id > 100'
night 'compared with the same filters' 3 -T stage -T staff
says 'only' 'table public.purchases lost'

# ---- dumps that were there already --------------------------------------------------------
pg_dump -Fc -d shop -f "$work/full.dump"
pg_dump -Fc -s -d shop -f "$work/schema.dump"
pg_dump -Fc -a -d shop -f "$work/data.dump"
createdb empty
pg_dump -Fc -d empty -f "$work/empty.dump"
sql empty 'CREATE TABLE big AS SELECT generate_series(1, 5000) AS id'
pg_dump -Fc --inserts -d empty -f "$work/inserts.dump"
file() { # WHAT STATUS FILE
    exits "$1" "$2" "$pgkeep" backup --file "$work/$3.dump" --name file
}
sql shop 'CREATE TABLE wide AS SELECT generate_series(1, 5000) AS id'
pg_dump -Fc -d shop -f "$work/full.dump"
file 'a file' 0 full
file 'definitions only' 0 schema
file 'data only' 0 data
file 'compressed inside, and everything is gone' 3 empty
says 'and said' 'table public.wide is gone: rows usually: 5000'
exits 'from a command' 3 "$pgkeep" backup --name file -- pg_dump -Fc -d empty
exits 'with a filter' 0 "$pgkeep" backup --name file -- pg_dump -Fc -t big -d empty
exits 'as INSERTs' 3 "$pgkeep" backup --name file --file "$work/inserts.dump"
