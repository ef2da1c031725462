#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Secrets leave no trace: not in the arguments or environment of a child, a log, a message, the
# catalog, the repository or a temporary file.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

cat >"$work/hba" <<'END'
local all guarded scram-sha-256
local all all     trust
END
start_cluster pg "$work/hba"
createdb shop
make_rows shop t1 2000
db_canary=canaryDB77Qx
url_canary='canary%55RL88Qx' # %55 is U
pass_canary='canaryPASS99Qx words'
wrong_canary=canaryWRONG55Qx
sql postgres "CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '$db_canary'"
sql postgres "CREATE ROLE other LOGIN SUPERUSER"

export TMPDIR=$work/tmp
mkdir "$TMPDIR"
export PGKEEP_REPOSITORY=$work/repo PGKEEP_PASSPHRASE=$pass_canary
quietly "$pgkeep" init --recovery-file "$work/code"
code=$(<"$work/code")
code_piece=$(head -n 1 "$work/code")
[[ ${#code_piece} -ge 15 ]] || fail "expected lines of a recovery code" "$work/code"
same 'the recovery file is its owner'"'"'s alone' 600 "$(stat -c %a "$work/code")"
mv "$work/code" "$work/kept-away"
mkdir "$work/said"
# Everything that may never be seen, and everything that was written.
canaries=(-e "$db_canary" -e "$url_canary" -e canaryURL88Qx -e canaryPASS99Qx
    -e "$wrong_canary" -e "$code_piece")
places=("$HOME" "$work/repo" "$work/said" "$work/tmp" "$work/pg/log" "$work/seen")
: >"$work/seen"

# A command that works or fails, both loud; what it says is kept and looked at.
calls=0
try() { # WHAT STATUS COMMAND...
    calls=$((calls + 1))
    exits "$@"
    cat "$work/out" "$work/err" >>"$work/said/$calls"
}
no_trace() { # WHAT
    local found
    # .pgpass is where its owner put it.
    found=$(grep -rlaF --exclude=.pgpass "${canaries[@]}" "${places[@]}" || true)
    if [[ -n $found ]]; then
        bad "$1: a secret is in: ${found//$'\n'/, }"
    else
        ok "$1: no secret in files or messages"
    fi
}

# ---- logging in, four ways; what the children show meanwhile ----
loud=(-vv --log-file "$work/said/log")
holder() {
    psql -X -q -d shop -c 'BEGIN; LOCK t1 IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(25)' \
        >/dev/null 2>&1 &
    background+=($!)
    wait_for 'the lock' sh -c "psql -X -A -t -d shop -c \"SELECT 1 FROM pg_locks WHERE granted
        AND mode = 'AccessExclusiveLock' AND relation = 't1'::regclass\" | grep -q 1"
}
release() {
    sql postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query LIKE '%LOCK t1%' AND pid <> pg_backend_pid()" >/dev/null
}
# Arguments and environment of a child of pgkeep, by the words that it was started with: it
# is asked for its version before.
watch() { # WORDS
    local pid
    pid=$(pgrep -n -P "$child" -f -- "$1")
    cat "/proc/$pid/cmdline" "/proc/$pid/environ" "/proc/$child/cmdline" |
        tr '\0' '\n' >>"$work/seen"
}
child_runs() { # WORDS
    pgrep -P "$child" -f -- "$1" >/dev/null
}
watched() { # WHAT VARIABLE=VALUE... -- ARGUMENT...
    local what=$1 variables=() status=0
    shift
    while [[ $1 != -- ]]; do
        variables+=("$1")
        shift
    done
    shift
    holder
    env "${variables[@]}" "$pgkeep" backup "$@" --name shop "${loud[@]}" \
        >"$work/out" 2>"$work/err" &
    child=$!
    background+=("$child")
    wait_for "pg_dump ($what)" child_runs 'pg_dump -Fc'
    watch 'pg_dump -Fc'
    release
    wait "$child" || status=$?
    cat "$work/out" "$work/err" >>"$work/said/watched"
    [[ $status -eq 0 ]] || bad "$what: expected exit 0, found $status" "$work/err"
    no_trace "$what"
}
watched 'login by PGPASSWORD' PGPASSWORD="$db_canary" -- -d shop -U guarded
grep -qE '^PGPASSFILE=/proc/self/fd/[0-9]+$' "$work/seen" ||
    bad 'expected PGPASSFILE in memory, in what pg_dump sees' "$work/seen"
same 'pg_dump has none of pgkeep'"'"'s variables' '' \
    "$(grep -E '^PGKEEP_' "$work/seen" || true)"
watched 'login by ~/.pgpass' X=1 -- -d shop -U other
printf '*:*:*:guarded:%s\n' "$db_canary" >"$HOME/.pgpass"
chmod 600 "$HOME/.pgpass"
watched 'login by a password file' X=1 -- -d shop -U guarded
rm "$HOME/.pgpass"
host=${PGHOST//\//%2F}
watched 'login by DATABASE_URL' \
    DATABASE_URL="postgresql://guarded:$db_canary@$host:5432/shop" --
printf 'postgresql://guarded:%s@%s:5432/shop' "$db_canary" "$host" >"$work/url"
chmod 600 "$work/url"
watched 'login by --db-url-file' X=1 -- --db-url-file "$work/url"

# ---- the children of a restore ----
sql shop "CREATE FUNCTION nap(int) RETURNS bool LANGUAGE sql AS
        'SELECT pg_sleep(2) IS NOT NULL'" \
    "CREATE TABLE t3 (a int CHECK (public.nap(a)))" "INSERT INTO t3 VALUES (1)"
quietly env PGPASSWORD="$db_canary" "$pgkeep" backup -d shop -U guarded --name shop
env DATABASE_URL="postgresql://guarded:$db_canary@$host:5432/shop" "$pgkeep" restore latest \
    --into-new back "${loud[@]}" >"$work/out" 2>"$work/err" &
child=$!
background+=("$child")
wait_for 'pg_restore' child_runs 'pg_restore --exit'
watch 'pg_restore --exit'
status=0
wait "$child" || status=$?
cat "$work/out" "$work/err" >>"$work/said/restore"
same 'restore with a password' 0 "$status"
no_trace 'restore'

# ---- a command of the user's own gets its surroundings, but not our keys ----
cat >"$work/own" <<END
#!/bin/sh
env >>'$work/seen'
exec pg_dump -Fc -d shop
END
chmod +x "$work/own"
try 'a command behind --' 0 env PGKEEP_RECOVERY_KEY="$code" "$pgkeep" backup --name shop \
    "${loud[@]}" -- "$work/own"
no_trace 'a command behind --'
: >"$work/seen"

# ---- what is refused, without being repeated ----
in_argv() { # WHAT ARGUMENT...
    local what=$1
    shift
    try "$what in argv" 2 "$pgkeep" "$@"
    same "$what in argv is not echoed" '' "$(grep -hF canary "$work/out" "$work/err" || true)"
}
in_argv 'a database URL with a password' backup -d "postgresql://u:$wrong_canary@h/d"
in_argv 'a connection string with a password' backup -d "host=h password=$wrong_canary"
in_argv 'a repository URL with a password' list -r "sftp://u:$wrong_canary@h/p"
in_argv 'a repository URL behind =' list "--repo=sftp://u:$wrong_canary@h/p"
in_argv 'a URL as an unknown option' list "--frobnicate=postgres://u:$wrong_canary@h/d"

# ---- failures, loud ----
bad_url() { # WHAT STATUS URL
    try "$1" "$2" env DATABASE_URL="$3" "$pgkeep" backup --name shop "${loud[@]}"
}
bad_url 'a wrong password in a URL' 1 "postgresql://guarded:$wrong_canary@$host/shop"
bad_url 'a database that is not there' 1 "postgresql://guarded:$db_canary@$host/nosuch"
bad_url 'a server that is not there' 75 "postgresql://guarded:$url_canary@%2Fnowhere/shop"
bad_url 'a URL with a bad port' 2 "postgresql://guarded:$url_canary@$host:port/shop"
bad_url 'a URL with a bad escape' 2 "postgresql://guarded:$wrong_canary%zz@$host/shop"
bad_url 'a URL with @ in the password' 2 "postgresql://guarded:a@$wrong_canary:b/c@d:x/shop"
bad_url 'a URL with an unknown parameter' 2 \
    "postgresql://guarded:$url_canary@$host/shop?frobnicate=$wrong_canary"
bad_url 'no URL at all' 2 "$wrong_canary"
try 'a wrong passphrase' 12 env PGKEEP_PASSPHRASE="$wrong_canary" "$pgkeep" verify \
    --level data "${loud[@]}"
try 'a wrong recovery code' 12 env PGKEEP_RECOVERY_KEY="${code%????}zzzz" "$pgkeep" verify \
    "${loud[@]}" --level data
try 'no recovery code' 12 env PGKEEP_RECOVERY_KEY="$wrong_canary" "$pgkeep" verify \
    --level data "${loud[@]}"
try 'a passphrase file that is not there' 12 env -u PGKEEP_PASSPHRASE \
    PGKEEP_PASSPHRASE_FILE="$work/nowhere" "$pgkeep" verify --level data "${loud[@]}"
try 'a passphrase command that fails' 1 env -u PGKEEP_PASSPHRASE \
    PGKEEP_PASSPHRASE_COMMAND='false' "$pgkeep" verify --level data "${loud[@]}"
try 'pg_dump that fails' 6 env PGPASSWORD="$db_canary" "$pgkeep" backup -d shop -U guarded \
    --name shop -t nosuch "${loud[@]}"
try 'an existing database' 1 env PGPASSWORD="$db_canary" "$pgkeep" restore latest \
    -U guarded --into-new shop "${loud[@]}"
no_trace 'failures'

# ---- secrets by file and by command ----
printf '%s\n' "$pass_canary" >"$work/kept-passphrase"
chmod 600 "$work/kept-passphrase"
try 'a passphrase in a file' 0 env -u PGKEEP_PASSPHRASE \
    PGKEEP_PASSPHRASE_FILE="$work/kept-passphrase" "$pgkeep" verify --level data "${loud[@]}"
try 'a passphrase from a command' 0 env -u PGKEEP_PASSPHRASE \
    PGKEEP_PASSPHRASE_COMMAND="cat $work/kept-passphrase" "$pgkeep" verify --level data
chmod 644 "$work/kept-passphrase"
try 'a passphrase in a file that all can read' 12 env -u PGKEEP_PASSPHRASE \
    PGKEEP_PASSPHRASE_FILE="$work/kept-passphrase" "$pgkeep" verify --level data
no_trace 'the end'

# ---- files are their owner's alone ----
same 'no file of ours can be read by others' '' \
    "$(find "$HOME/config/pgkeep" "$HOME/state/pgkeep" "$work/repo" -mindepth 1 -perm /077)"
same 'nothing is left in TMPDIR' '' "$(ls -A "$TMPDIR")"
grep -qF 'debug' "$work/said/log" ||
    bad 'the log is empty: nothing was looked at'
