#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The dumps of tests/fixtures/pgdump, whose .json tells what they hold: each comes back to the
# byte, and what the installed pg_restore reads also as databases, whole and table by table.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

fixtures=$root/tests/fixtures/pgdump
start_cluster pg
new_repository repo
use_recovery_code repo
sql postgres 'CREATE ROLE fx_owner' 'CREATE ROLE fx_reader'

# The hash of a table's COPY text is over its rows in one order, and a restore promises rows in
# any: so the text is looked for in the dump by its hash, and the lines of both are compared.
cat >"$work/fixture.py" <<'END'
import collections
import hashlib
import json
import re
import subprocess
import sys

COPY = re.compile(rb"^COPY .*? FROM stdin;\n(.*?)^\\\.\n", re.M | re.S)
PASSING = re.compile(rb"^(--.*|\\(un)?restrict .*|)\n", re.M)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def quoted(table):
    return ".".join('"%s"' % table[n].replace('"', '""') for n in ("schema", "table"))


def psql(database, script):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database],
                          input=script.encode(), capture_output=True)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return done.stdout


def tables_differ(facts, script, database, work):
    texts = {hashlib.sha256(t).hexdigest(): t for t in COPY.findall(script)}
    ask = ""
    for i, t in enumerate(facts):
        ask += f"\\o {work}/rows{i}\nCOPY {quoted(t)} TO stdout;\n\\o\n"
        ask += f"SELECT count(*) FROM ONLY {quoted(t)};\n"
    counts = psql(database, ask).split()
    for i, t in enumerate(facts):
        name = quoted(t)
        expected = texts.get(t["copy_sha256"])
        if expected is None:
            yield f"{name}: the dump has no rows of this hash"
            continue
        found = read(f"{work}/rows{i}")
        if int(counts[i]) != t["rows"]:
            yield f"{name}: {int(counts[i])} rows, expected {t['rows']}"
        if len(found) != t["copy_bytes"]:
            yield f"{name}: {len(found)} bytes, expected {t['copy_bytes']}"
        if sorted(found.split(b"\n")) != sorted(expected.split(b"\n")):
            yield f"{name}: other rows"


def objects_differ(facts, database):
    line = "{oid} {bytes} {sha256}\n"
    expected = "".join(line.format(**o) for o in facts["large_objects"])
    if hashlib.sha256(expected.encode()).hexdigest() != facts["large_objects_sha256"]:
        yield "the large objects of the .json do not have its hash"
    found = psql(database, "SELECT oid, octet_length(lo_get(oid)), encode(sha256(lo_get(oid)),"
                 " 'hex') FROM pg_largeobject_metadata;").decode().replace("|", " ")
    if sorted(found.splitlines()) != sorted(expected.splitlines()):
        yield f"large objects: {found}, expected {expected}"


def entries_differ(facts, listing):
    expected = {d: n for d, n in facts["entries_by_desc"].items()
                if d not in facts["not_listed"]}
    longest = "|".join(sorted(map(re.escape, expected), key=len, reverse=True))
    kinds = re.findall(rf"^\d+; \d+ \d+ ({longest}|\S+) ", listing, re.M)
    found = dict(collections.Counter(kinds))
    if found != expected:
        yield f"entries: {found}, expected {expected}"


def bare(script):
    return PASSING.sub(b"", COPY.sub(b"", script)).splitlines()


def compare(what, stem, script, database, work):
    with open(stem + ".json", encoding="utf-8") as f:
        facts = json.load(f)
    tables = facts["tables"]
    if what.isdigit():
        tables = [tables[int(what)]]
    if what != "objects":
        yield from tables_differ(tables, read(script), database, work)
    if not what.isdigit():
        yield from objects_differ(facts, database)
    if what == "all":
        again = f"{work}/again"
        for command in (["pg_dump", "-Fc", "-f", again, database],
                        ["pg_restore", "-f", again + ".sql", again]):
            subprocess.run(command, check=True)
        listing = subprocess.check_output(["pg_restore", "--list", again]).decode()
        yield from entries_differ(facts, listing)
        if bare(read(script)) != bare(read(again + ".sql")):
            yield "definitions, values of sequences, owners or comments differ:"
            with open(f"{work}/bare1", "wb") as a, open(f"{work}/bare2", "wb") as b:
                a.write(b"\n".join(bare(read(script))) + b"\n")
                b.write(b"\n".join(bare(read(again + ".sql"))) + b"\n")
            yield subprocess.run(["diff", "-a", a.name, b.name], capture_output=True,
                                 text=True).stdout[:2000]


if sys.argv[1] == "tables":
    with open(sys.argv[2] + ".json", encoding="utf-8") as f:
        sys.stdout.write("".join(quoted(t) + "\0" for t in json.load(f)["tables"]))
else:
    differences = list(compare(*sys.argv[1:]))
    print("\n".join(differences))
    sys.exit(1 if differences else 0)
END
is_like() { # WHAT all|objects|NUMBER FIXTURE DATABASE
    PGOPTIONS=$settings exits "$1" 0 \
        python3 "$work/fixture.py" "$2" "$fixtures/$3" "$work/$3.sql" "$4" "$work"
}

whole_database() { # FIXTURE JOBS
    exits "$1: whole, -j $2" 0 \
        "$pgkeep" restore latest --source "$1" --into-new whole -j "$2" --no-analyze
    is_like "$1: all that the .json and the dump say" all "$1" whole
    dropdb whole
}
one_table() { # FIXTURE NUMBER
    exits "$1: ${tables[$2]//$'\n'/ }" 0 "$pgkeep" restore latest --source "$1" \
        -t "${tables[$2]}" --into-new part --no-analyze
    is_like '  its rows' "$2" "$1" part
    dropdb part
}
large_objects() { # FIXTURE TABLE
    exits "$1: large objects" 0 "$pgkeep" restore latest --source "$1" -t "$2" \
        --large-objects --into-new objects --no-analyze
    is_like '  their bytes' objects "$1" objects
    same '  their owner, comment and grants' "$(large_object_facts "$work/$1.sql")" \
        "$(pg_dump -d objects >"$work/objects.sql" && large_object_facts "$work/objects.sql")"
    dropdb objects
}
large_object_facts() { # SCRIPT
    grep -E '^(ALTER|COMMENT ON|GRANT .* ON|REVOKE .* ON) LARGE OBJECT ' "$1" | sort
}

# ---- to the byte, whatever version wrote them ----
readable=()
unread=0
for dump in "$fixtures"/*.dump; do
    name=$(basename "$dump" .dump)
    quietly "$pgkeep" backup --source "$name" --file "$dump"
    quietly "$pgkeep" restore latest --source "$name" --to-file "$work/back"
    same_file "$name: to a file" "$dump" "$work/back"
    rm "$work/back"
    if pg_restore --list "$dump" >"$work/out" 2>"$work/err"; then
        readable+=("$name")
        continue
    fi
    # The one reason that is known; anything else is a fixture that broke.
    says "  it is too new for $(pg_restore --version)" 'unsupported version \([0-9.]+\) in'
    unread=$((unread + 1))
done
[[ ${#readable[@]} -gt 0 ]] || fail 'pg_restore reads none of the fixtures'
echo "skip  databases of $unread dumps: they are of formats that are newer than pg_restore"

# ---- what cannot be restored is refused before anything is made ----
for kind in pg17-zstd-pipe-dataonly pg18-none-file-schemaonly pg18-none-file-statistics; do
    name=A-$kind
    [[ " ${readable[*]} " != *" $name "* ]] || continue
    exits "$name: into a database" 1 "$pgkeep" restore latest --source "$name" --into-new new
    no_database "$name" new
    no_leftovers "$name"
done

# ---- as databases ----
seen=' '
turn=0
for name in "${readable[@]}"; do
    pg_restore -f "$work/$name.sql" "$fixtures/$name.dump"
    mapfile -d '' -t tables < <(python3 "$work/fixture.py" tables "$fixtures/$name")
    same "$name: tables in the .json" 21 "${#tables[@]}"
    whole_database "$name" $((turn % 2 * 2 + 1))
    large_objects "$name" "${tables[turn % ${#tables[@]}]}"
    # All tables of the first of each codec, a handful of the others', not always the same.
    codec=$(cut -d- -f3 <<<"$name")
    step=1
    [[ $seen != *" $codec "* || ${PGKEEP_LONG:-no} != no ]] || step=5
    seen+="$codec "
    for ((i = turn % step; i < ${#tables[@]}; i += step)); do
        one_table "$name" "$i"
    done
    turn=$((turn + 1))
done
no_leftovers 'all done'
