# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scenarios share. A scenario is a script of its own:
#   source "$(dirname "$0")/lib.sh"
# which leaves a clean environment, an empty folder $work that goes away at the end, HOME and
# the XDG folders inside it. PGKEEP names the binary, else that of the checkout's build is
# taken. Each check prints one line. The scenario goes on after a check that does not hold and
# fails at its end; what must work for the rest to make sense ends it at once.

umask 022
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
pgkeep=${PGKEEP:-}
for candidate in "$root/build/asan/pgkeep" "$root/build/dev/pgkeep"; do
    [[ -n $pgkeep || ! -x $candidate ]] || pgkeep=$candidate
done
[[ -x $pgkeep ]] || {
    echo "no pgkeep to test: build it, or name it in PGKEEP" >&2
    exit 1
}
while read -r variable; do
    unset "$variable"
done < <(compgen -e | grep -E '^(PG|DATABASE_URL$|DIRECT_URL$)' |
    grep -vE '^PGKEEP_(LONG$|REQUIRE_SERVERS$|TEST_)' || true)

pg_bin=/usr/lib/postgresql/15/bin
export PATH=$pg_bin:$PATH
as_postgres=()
[[ $(id -u) -ne 0 ]] || as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)

# The path stays short: a socket's name has at most 107 bytes.
work=$(mktemp -d /var/tmp/pgkeep-XXXXXX)
chmod 755 "$work"
clusters=()
background=()
mounts=()
own_servers=() # NAME:FOLDER of tests/servers, in the order of their start
failed=0

cleanup() {
    local status=$? item
    set +e
    [[ $failed -eq 0 || $status -ne 0 ]] || status=1
    for item in "${background[@]}"; do
        kill "$item" 2>/dev/null
    done
    for item in "${clusters[@]}"; do
        "${as_postgres[@]}" "$pg_bin/pg_ctl" -D "$item" -m immediate -s stop >/dev/null 2>&1
    done
    for item in "${own_servers[@]}"; do
        "$root/tests/servers/${item%%:*}" stop "${item#*:}"
    done
    for item in "${mounts[@]}"; do
        umount "$item"
    done
    if [[ $status -ne 0 && -n ${KEEP:-} ]]; then
        echo "kept: $work" >&2
    else
        rm -rf "$work"
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what holds and what does not --------------------------------------------------------

ok() { # TEXT
    echo "ok    $1"
}

# A check that does not hold.
bad() { # TEXT [FILE...]
    local file
    echo "FAIL  $1"
    shift
    for file; do
        [[ ! -s $file ]] || tail -n 20 "$file" | sed 's/^/      | /'
    done
    failed=$((failed + 1))
}

# The end. With KEEP set the folder stays, to be looked at.
fail() { # TEXT [FILE...]
    bad "$@"
    exit 1
}

# This machine cannot do what the rest of the scenario needs: that is a failure in CI.
cannot() { # WHY
    [[ ${CI:-} != true ]] || fail "a prerequisite is missing: $1"
    echo "skip  $1"
    exit 0
}

same() { # WHAT EXPECTED FOUND
    if [[ $2 == "$3" ]]; then ok "$1"; else bad "$1: expected '$2', found '$3'"; fi
}

same_file() { # WHAT EXPECTED-FILE FOUND-FILE
    if cmp "$2" "$3" >"$work/cmp" 2>&1; then
        ok "$1"
    else
        diff -a "$2" "$3" 2>/dev/null | head -n 20 >>"$work/cmp" || true
        bad "$1: the files differ" "$work/cmp"
    fi
}

at_most() { # WHAT LIMIT FOUND
    if [[ $3 -le $2 ]]; then
        ok "$1 ($3, at most $2)"
    else
        bad "$1: expected at most $2, found $3"
    fi
}

# Runs a command whose exit status is known; its words are in $work/out and $work/err.
exits() { # WHAT STATUS COMMAND...
    local what=$1 expected=$2 status=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" || status=$?
    if [[ $status -eq $expected ]]; then
        ok "$what (exit $status)"
    else
        bad "$what: expected exit $expected, found $status" "$work/out" "$work/err"
    fi
}

quietly() { # COMMAND...
    local status=0
    "$@" >"$work/out" 2>"$work/err" || status=$?
    [[ $status -eq 0 ]] || fail "$*: expected exit 0, found $status" "$work/out" "$work/err"
}

says() { # WHAT PATTERN: in what the last command printed
    if grep -qE -- "$2" "$work/out" "$work/err"; then
        ok "$1"
    else
        bad "$1: expected words like '$2'" "$work/out" "$work/err"
    fi
}

wait_for() { # WHAT COMMAND...: until it holds, a minute at most
    local what=$1 i
    shift
    for ((i = 0; i < 1200; i++)); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.05
    done
    fail "waited a minute in vain for: $what"
}

# SIGKILL for a process in the background, unless it has ended by itself before; $killed counts.
killed=0
kill_after() { # WHAT MILLISECONDS PROCESS [LOG]
    local status=0
    sleep "$(($2 / 1000)).$(printf %03d $(($2 % 1000)))"
    kill -KILL "$3" 2>/dev/null || true
    wait "$3" 2>/dev/null || status=$?
    [[ $status -eq 0 || $status -eq 137 ]] || fail "$1: exit $status" "${4:-$work/err}"
    [[ $status -eq 0 ]] || killed=$((killed + 1))
}

absent() { # WHAT PATH
    if [[ -e $2 ]]; then bad "$1: $2 is there"; else ok "$1"; fi
}

# ---- a place to live in ------------------------------------------------------------------

new_home() { # NAME: a machine that has never seen pgkeep
    export HOME=$work/$1
    export XDG_CONFIG_HOME=$HOME/config XDG_STATE_HOME=$HOME/state XDG_CACHE_HOME=$HOME/cache
    mkdir -p "$HOME"
}
new_home home

new_repository() { # NAME [URL]: a directory unless there is a URL
    export PGKEEP_REPOSITORY=${2:-$work/$1}
    export PGKEEP_PASSPHRASE='three words and a 4th'
    quietly "$pgkeep" init --recovery-file "$work/$1.code"
}

# The other key from here on; it costs no scrypt, which counts where a scenario runs often.
use_recovery_code() { # NAME
    unset PGKEEP_PASSPHRASE
    export PGKEEP_RECOVERY_KEY_FILE=$work/$1.code
}

manifests() {
    [[ $PGKEEP_REPOSITORY == /* ]] || {
        listed
        return
    }
    find "$PGKEEP_REPOSITORY/backups" -type f 2>/dev/null | wc -l
}

listed() {
    "$pgkeep" list --json | grep -cE '^ *"id":' || true
}

# A backup's id by its place in the list; the oldest is 1.
backup_id() { # PLACE
    "$pgkeep" list --json | sed -nE 's/^ *"id": *"([0-9a-f]{32})".*/\1/p' |
        sed -n "$1p"
}

visible() { # WHAT COUNT: in the list, and as objects
    same "$1: manifests and backups listed" "$2 $2" "$(manifests) $(listed)"
}

stored_bytes() {
    { find "$PGKEEP_REPOSITORY/packs" -type f -printf '%s\n' 2>/dev/null || true; } |
        awk '{ sum += $1 } END { print sum + 0 }'
}

# Changes a bit of a file; the same once more: nothing.
flip() { # FILE [OFFSET [MASK]]: in the middle, the lowest bit
    local at=${2:-$(($(stat -c %s "$1") / 2))}
    python3 - "$1" "$at" "${3:-1}" <<'END'
import sys

with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ int(sys.argv[3])]))
END
}

# A copy of the golden repository in FOLDER/repo, its recovery code beside it; $ids of its
# backups, and $sums of their dumps.
take_golden() { # FOLDER
    local golden=$root/tests/golden/v0
    cp -r "$golden/repo" "$1/repo"
    chmod -R u+w "$1/repo"
    install -m 600 "$golden/recovery" "$1/repo.code"
    mapfile -t ids <"$golden/ids"
    mapfile -t sums <"$golden/sums"
    [[ ${#ids[@]} -eq 16 && ${#sums[@]} -eq 16 ]] ||
        fail "${#ids[@]} backups and ${#sums[@]} sums, expected 16"
}

# ---- PostgreSQL --------------------------------------------------------------------------

# A throw-away cluster that listens on a socket in $work only; afterwards psql and pgkeep
# find it by themselves. A file pg_hba.conf for it may follow.
start_cluster() { # NAME [PG_HBA_FILE]
    local data=$work/$1/data socket=$work/$1
    mkdir "$socket"
    [[ ${#as_postgres[@]} -eq 0 ]] || chown postgres "$socket"
    (
        cd /
        "${as_postgres[@]}" "$pg_bin/initdb" -D "$data" -U postgres -A trust --no-sync \
            --encoding=UTF8 --locale=C.UTF-8
    ) >"$work/initdb.log" 2>&1 || fail "initdb failed" "$work/initdb.log"
    [[ $# -lt 2 ]] || cat "$2" >"$data/pg_hba.conf"
    cat >>"$data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$socket'
fsync = off
full_page_writes = off
shared_buffers = 16MB
max_connections = 30
timezone = 'Asia/Kathmandu'
END
    clusters+=("$data")
    export PGHOST=$socket PGPORT=5432 PGUSER=postgres
    start_server "$1"
}

start_server() { # NAME
    (
        cd /
        "${as_postgres[@]}" "$pg_bin/pg_ctl" -D "$work/$1/data" -l "$work/$1/log" -s -w start
    ) >"$work/start.log" 2>&1 ||
        fail "the server did not start" "$work/start.log" "$work/$1/log"
}

stop_server() { # NAME
    (
        cd /
        "${as_postgres[@]}" "$pg_bin/pg_ctl" -D "$work/$1/data" -m fast -s -w stop
    ) >"$work/stop.log" 2>&1 || fail "the server did not stop" "$work/stop.log"
}

sql() { # DATABASE STATEMENT...: bare values, one row a line
    local database=$1 arguments=()
    shift
    for statement; do
        arguments+=(-c "$statement")
    done
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$database" "${arguments[@]}"
}

# Tables of a trap set with large objects: tests/fixtures/pgdump/make-fixture.sql.
make_fixture() { # DATABASE
    psql -X -q -c 'CREATE ROLE fx_owner' -c 'CREATE ROLE fx_reader' -d postgres 2>"$work/err" ||
        grep -q 'already exists' "$work/err" || fail "roles" "$work/err"
    createdb "$1"
    psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d "$1" \
        -f "$root/tests/fixtures/pgdump/make-fixture.sql" 2>"$work/err" ||
        fail "the fixture could not be made" "$work/err"
}

# Whatever makes restores of real databases fail: tests/fixtures/traps.sql. The event trigger in
# it refuses DDL, the subscription DROP DATABASE.
make_traps() { # DATABASE
    sql postgres 'CREATE ROLE trap_owner' 'CREATE ROLE trap_reader' \
        'CREATE ROLE trap_admin SUPERUSER' 2>"$work/err" ||
        grep -q 'already exists' "$work/err" || fail "roles" "$work/err"
    createdb "$1"
    psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v "db=$1" -d "$1" \
        -f "$root/tests/fixtures/traps.sql" 2>"$work/err" ||
        fail "the database of traps could not be made" "$work/err"
}

# Its dump cannot be restored: a check that rows of it no longer fulfil.
make_broken() { # DATABASE
    createdb "$1"
    sql "$1" "CREATE TABLE other (n int)" "INSERT INTO other VALUES (5)" \
        "CREATE FUNCTION fits(int) RETURNS bool LANGUAGE sql AS
            'SELECT \$1 <= (SELECT max(n) FROM public.other)'" \
        "CREATE TABLE z (v int CHECK (fits(v)))" "INSERT INTO z VALUES (3)" \
        "UPDATE other SET n = 1"
}

# What belongs to a database itself.
properties() { # DATABASE
    sql postgres "SELECT pg_get_userbyid(datdba), datacl, shobj_description(oid, 'pg_database')
          FROM pg_database WHERE datname = '$1'" \
        "SELECT coalesce(rolname, '-'), unnest(setconfig) FROM pg_db_role_setting
          JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole
          WHERE datname = '$1' ORDER BY 1, 2"
}

# Rows that compress badly, about 40 bytes of payload each in COPY text.
make_rows() { # DATABASE TABLE COUNT
    sql "$1" "CREATE TABLE $2 (id int PRIMARY KEY, v text)" \
        "INSERT INTO $2 SELECT i, md5(i::text || '$2') FROM generate_series(1, $3) i"
}

# A dump of rows of md5, from a database of its own.
make_base_dump() { # FILE ROWS
    createdb base
    make_rows base big "$2"
    pg_dump -Fc -Z0 -d base -f "$1"
    cat >"$work/vary.py" <<'END'
import random
import re
import sys

digits = list("0123456789abcdef")
random.Random(int(sys.argv[2])).shuffle(digits)
table = bytes.maketrans(b"0123456789abcdef", "".join(digits).encode())
with open(sys.argv[1], "rb") as whole, open(sys.argv[3], "wb") as out:
    out.write(re.sub(rb"\t[0-9a-f]{32}\n", lambda m: m[0].translate(table), whole.read()))
END
}

# The same with other digits for each number: no two share a chunk.
vary_dump() { # BASE NUMBER FILE
    python3 "$work/vary.py" "$1" "$2" "$3"
}

settings='-c timezone=UTC -c bytea_output=hex -c lc_monetary=C'

# Everything in a database that must come back, in an order of its own: rows of every table
# by content (columns by name: a child's have another order after a restore), sequences,
# constraints, large objects, and the schema as pg_dump writes it.
describe() { # DATABASE FILE-STEM
    PGOPTIONS="$settings -c search_path=" psql -X -q -A -t -v ON_ERROR_STOP=1 \
        -d "$1" >"$2.rows" <<'END'
SELECT format('SELECT %L, count(*), md5(coalesce(string_agg(r.t, E''\n'' ORDER BY r.t '
              'COLLATE "C"), '''')) FROM (SELECT ROW(%s)::text AS t FROM ONLY %I.%I) AS r',
              n.nspname || '.' || c.relname, a.names, n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
       LATERAL (SELECT string_agg(quote_ident(attname), ',' ORDER BY attname COLLATE "C")
                       AS names
                  FROM pg_attribute
                 WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
 WHERE (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated)
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY n.nspname, c.relname
\gexec
SELECT 'sequence', s.* FROM pg_sequences s ORDER BY schemaname, sequencename;
SELECT 'constraint', conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace >= 16384 OR connamespace = 'public'::regnamespace
 ORDER BY 2, 3;
SELECT 'large object', m.oid, pg_get_userbyid(lomowner), lomacl, md5(lo_get(m.oid)),
       obj_description(m.oid, 'pg_largeobject')
  FROM pg_largeobject_metadata m ORDER BY m.oid;
END
    # The key of psql's restricted mode is drawn anew for every dump.
    PGOPTIONS=$settings pg_dump -s -d "$1" | grep -vE '^\\(un)?restrict ' >"$2.schema"
}

same_database() { # WHAT STEM STEM
    [[ $(wc -l <"$2.rows") -ge 1 ]] || fail "$1: nothing was described"
    same_file "$1: rows, sequences, constraints, large objects" "$2.rows" "$3.rows"
    same_file "$1: schema" "$2.schema" "$3.schema"
}

no_database() { # WHAT NAME
    if has_database "$2"; then bad "$1: database $2 is there"; else ok "$1: no database $2"; fi
}

has_database() { # NAME
    [[ $(sql postgres "SELECT count(*) FROM pg_database WHERE datname = '$1'") -eq 1 ]]
}

no_leftovers() { # WHAT: no half-restored database
    same "$1: no unfinished database is left" '' \
        "$(sql postgres "SELECT datname FROM pg_database WHERE datname LIKE 'pgkeep\\_%'")"
}
