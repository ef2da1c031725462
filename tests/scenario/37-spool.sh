#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A store that takes seconds for every object: pg_dump has ended long before, a kill leaves
# nothing of the spool, and a small disk under it fails nothing.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

PGKEEP_FAIL_COUNT=$work/steps new_repository repo
[[ -s $work/steps ]] || cannot 'this pgkeep was built without failpoints: no store is slow'
use_recovery_code repo
# "env" and not a function, so that what runs in the background is pgkeep itself.
slowly() { # MILLISECONDS, each for giving an object its name
    slow=(env "PGKEEP_FAIL_DELAY=$1:link" "$pgkeep")
}

start_cluster pg
createdb shop
sql shop 'CREATE TABLE big (id int, v text)' \
    "INSERT INTO big SELECT i, (SELECT string_agg(md5(i || '-' || k), '')
         FROM generate_series(1, 8) k) FROM generate_series(1, 600000) i"

# ---- the snapshot ends before the upload does ----
slowly 2500
"${slow[@]}" backup -v -d shop --name shop >"$work/out" 2>"$work/err" &
child=$!
background+=("$child")
has_ended() { # the dump, not the backup
    grep -q 'the dump was read in' "$work/err"
}
wait_for 'the end of pg_dump' has_ended
kill -0 "$child" || fail 'the backup has ended as well' "$work/out" "$work/err"
same 'nobody holds a snapshot any more' 0 \
    "$(sql postgres "SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'")"
same 'nothing is acknowledged' 0 "$(manifests)"
says 'the log tells how old the snapshot was' 'read in [0-9.]+ s, the age of its snapshot'
left=$(sed -nE 's/.*packs of ([0-9]+)[0-9.]* MiB are still to be stored.*/\1/p' "$work/err")
if [[ ${left:-0} -ge 40 ]]; then ok "$left MiB were still to be stored"; else
    bad "expected 40 MiB or more that were still to be stored" "$work/err"
fi
status=0
wait "$child" || status=$?
same 'the backup' 0 "$status"
visible 'the backup' 1
quietly "$pgkeep" verify

# ---- killed with packs in the spool ----
sql shop "UPDATE big SET v = reverse(v)"
slowly 1500
"${slow[@]}" backup -d shop --name killed >"$work/out" 2>"$work/err" &
child=$!
background+=("$child")
spools() { # a nameless file of that process, with something in it
    local link
    for link in "/proc/$child/fd"/*; do
        [[ $(readlink "$link") == "$XDG_STATE_HOME"/*' (deleted)' &&
            $(stat -Lc %s "$link") -ge 16000000 ]] && return 0
    done
    return 1
}
wait_for 'a pack in the spool' spools
kill -KILL "$child"
wait "$child" 2>/dev/null || true
if kill -0 "$child" 2>/dev/null; then bad 'it is still there'; fi
same 'a kill leaves no spool' '' "$(find "$XDG_STATE_HOME" -name '*spool*')"
exits 'the next run' 0 "$pgkeep" backup -d shop --name shop
visible 'the next run' 2

# ---- none, and nonsense ----
exits 'no spool' 0 "$pgkeep" backup -d shop --name shop --spool 0
for size in '' x 1Q -1 99999999999T; do
    exits "--spool '$size'" 2 "$pgkeep" backup -d shop --name shop --spool "$size"
done

# ---- its disk is small: the catalog needs that room ----
mkdir "$work/state"
if ! mount -t tmpfs -o size=48m,mode=755 none "$work/state" 2>"$work/err"; then
    cannot "no file system can be mounted here: $(<"$work/err")"
fi
mounts+=("$work/state")
sql shop "UPDATE big SET v = md5(v) || reverse(v)"
export XDG_STATE_HOME=$work/state
slowly 500
exits 'a small disk' 0 "${slow[@]}" backup -d shop --name shop
says 'the log says so' 'the spool takes no more'
same 'and says it once' 1 "$(grep -c 'the spool takes no more' "$work/err")"
visible 'a small disk' 4
quietly "$pgkeep" restore latest --to-file "$work/back"
pg_dump -Fc -Z0 -d shop -f "$work/dump"
rows_of() { # DUMP
    pg_restore --data-only -f - "$1" | grep -P '^[0-9]+\t' | sha256sum
}
same 'it holds the rows' "$(rows_of "$work/dump")" "$(rows_of "$work/back")"
