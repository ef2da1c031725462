#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every way a dump can come in, and every thing that is mistaken for one.
# The inner shells expand those quoted words.
# shellcheck disable=SC2016
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
make_fixture shop
new_repository repo
use_recovery_code repo
count=0

comes_back() { # WHAT DUMP: the newest backup is this dump to the byte
    count=$((count + 1))
    quietly "$pgkeep" restore latest --source shop --to-file "$work/back"
    same_file "$1: to the byte" "$2" "$work/back"
}

# ---- three ways in, and what pg_dump 15 can write ----
take() { # WHAT DUMP
    exits "$1: --file" 0 "$pgkeep" backup --name shop --file "$2"
    comes_back "$1: --file" "$2"
    exits "$1: --stdin from a file" 0 sh -c \
        '"$0" backup --name shop --stdin <"$1"' "$pgkeep" "$2"
    comes_back "$1: --stdin from a file" "$2"
    exits "$1: --stdin from a pipe" 0 sh -c \
        'cat "$1" | "$0" backup --name shop --stdin' "$pgkeep" "$2"
    comes_back "$1: --stdin from a pipe" "$2"
}
variant() { # WHAT PG_DUMP-ARGUMENT...
    local what=$1
    shift
    pg_dump -Fc -d shop "$@" -f "$work/d"
    take "$what" "$work/d"
    pg_dump -Fc -d shop "$@" >"$work/redirected"
    exits "$what, redirected" 0 "$pgkeep" backup --name shop --file "$work/redirected"
    comes_back "$what, redirected" "$work/redirected"
    # shellcheck disable=SC2002
    pg_dump -Fc -d shop "$@" | cat >"$work/piped"
    exits "$what, piped" 0 "$pgkeep" backup --name shop --file "$work/piped"
    comes_back "$what, piped" "$work/piped"
}
variant 'level 0' -Z0
variant 'level 6' -Z6
variant 'inserts' -Z0 --inserts
variant 'schema only' --schema-only
variant 'data only' -Z0 --data-only
variant 'no large objects' -Z1 --no-blobs
export PGKEEP_VOLATILE='*' # nothing of the database is in this one
variant 'an empty schema' -n audit -T 'audit.*'

exits 'a command of the user' 0 "$pgkeep" backup --name shop -- \
    sh -c 'tee "$1" <"$0"' "$work/d" "$work/teed"
comes_back 'a command of the user' "$work/teed"
exits 'pg_dump as a command' 0 "$pgkeep" backup --name shop -- pg_dump -Fc -Z6 -d shop
count=$((count + 1))
quietly "$pgkeep" restore latest --to-file "$work/back"
exits 'pg_restore reads what came back' 0 pg_restore -f "$work/sql" "$work/back"
exits 'restore to stdout' 0 "$pgkeep" restore latest --to-file -
same_file 'stdout has the same bytes' "$work/back" "$work/out"
exits 'pg_dump that writes a file of its own' 6 "$pgkeep" backup --name shop -- \
    pg_dump -Fc -d shop -f "$work/own"
exits 'the name of the dump is the source'"'"'s, if none is given' 0 \
    "$pgkeep" backup --file "$work/d" --json
says 'it is the database of the header' '"source": ?"shop"'
unset PGKEEP_VOLATILE
count=$((count + 1))
exits 'a selection by pg_dump'"'"'s options' 0 "$pgkeep" backup -d shop --name few \
    -t 'app.*' -T app.events --exclude-table-data app.orders
count=$((count + 1))
quietly "$pgkeep" restore latest --source few --to-file "$work/back"
pg_restore --list "$work/back" >"$work/toc"
same 'selected: the table' 1 "$(grep -c ' TABLE DATA app users ' "$work/toc")"
same 'selected: not its rows' 0 "$(grep -c ' TABLE DATA app orders ' "$work/toc" || true)"
same 'selected: not the other schema' 0 "$(grep -c ' audit ' "$work/toc" || true)"
visible 'all of them' "$count"
exits 'verify them all' 0 "$pgkeep" verify

# ---- what is no custom-format dump ----
refused() { # WHAT PATTERN ARGUMENT...
    local what=$1 pattern=$2
    shift 2
    exits "$what" 6 "$pgkeep" backup --name shop "$@"
    says "$what: the message says what it is" "$pattern"
}
pg_dump -d shop -f "$work/plain.sql"
pg_dump -Ft -d shop -f "$work/dump.tar"
pg_dump -Fd -d shop -f "$work/folder"
pg_dumpall -f "$work/all.sql"
gzip -k "$work/d"
tar -cf "$work/some.tar" -C "$root" LICENSE
: >"$work/empty"
head -c 100000 /dev/urandom >"$work/noise"
head -c 100000 /dev/zero >"$work/zeros"
refused 'a plain SQL dump' 'plain|SQL' --file "$work/plain.sql"
# A command that goes on writing when nobody reads any more must not be waited for.
{
    cat "$work/plain.sql"
    head -c 20000000 /dev/zero | tr '\0' 'x'
} >"$work/long.sql"
pgkeep_was=$pgkeep
cat >"$work/bounded" <<END
#!/bin/sh
exec timeout -k 5 30 "$pgkeep_was" "\$@"
END
chmod +x "$work/bounded"
pgkeep=$work/bounded
refused 'a long SQL dump from a command' 'plain|SQL' -- cat "$work/long.sql"
pgkeep=$pgkeep_was
refused 'a pg_dumpall script' 'plain|SQL' --file "$work/all.sql"
refused 'a tar dump' 'tar' --file "$work/dump.tar"
refused 'some tar file' 'no custom|tar' --file "$work/some.tar"
refused 'a directory dump' 'director|folder' --file "$work/folder"
refused 'the toc.dat of one' 'director|folder|toc\.dat|format' --file "$work/folder/toc.dat"
refused 'a gzip file' 'gzip' --file "$work/d.gz"
refused 'an empty file' 'empty|no byte|0 bytes' --file "$work/empty"
refused '/dev/null' 'empty|no byte|0 bytes' --file /dev/null
refused 'noise' 'not a|no custom' --file "$work/noise"
refused 'zeros' 'not a|no custom' --file "$work/zeros"
exits 'a file that is not there' 1 "$pgkeep" backup --name shop --file "$work/nowhere"
(cat "$work/d" && echo more) >"$work/longer"
refused 'a dump with something behind it' 'follow|behind|after|trailing' --file "$work/longer"
(cat "$work/d" "$work/d") >"$work/twice"
refused 'two dumps in one file' 'follow|behind|after|trailing' --file "$work/twice"
exits 'nothing on stdin' 6 sh -c '"$0" backup --stdin --name shop </dev/null' "$pgkeep"
exits 'two sources at once' 2 "$pgkeep" backup --stdin --file "$work/d"
visible 'nothing of these' "$count"
