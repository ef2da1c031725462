#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds: one host says that a backup stays, another sees it, a keeper ends it.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
new_repository repo
use_recovery_code repo
createdb shop
make_rows shop t1 10
quietly "$pgkeep" backup -d shop --name shop
held() {
    "$pgkeep" list --json | grep -c '"held": true' || true
}
exits 'without a reason' 2 "$pgkeep" hold latest
exits 'until yesterday' 2 "$pgkeep" hold latest --reason x --until 2020-01-01
exits 'hold' 0 "$pgkeep" hold latest --reason 'a "lawsuit" ☺'
says 'it is told' 'is held$'
same 'it shows in the list' 1 "$(held)"
exits 'once more, for a while' 0 "$pgkeep" hold latest --reason audit --until 2099-01-31
new_home other
same 'another host sees it' 1 "$(held)"
exits 'release there, as one more keeper' 0 "$pgkeep" release latest
says 'it is told' 'is released$'
same 'it is over there' 0 "$(held)"
new_home home
same 'and here' 0 "$(held)"
exits 'again' 0 "$pgkeep" release latest
says 'it is told' 'is not held$'
exits 'a hold of two seconds' 0 "$pgkeep" hold latest --reason short \
    --until "$(date -u -d '+2 seconds' +%FT%TZ)"
same 'it stands' 1 "$(held)"
sleep 3
same 'and has ended by itself' 0 "$(held)"
same 'no reason is in the clear' '' "$(grep -rl lawsuit "$PGKEEP_REPOSITORY" || true)"
exits 'verify' 0 "$pgkeep" verify
exits 'the catalog made anew' 0 "$pgkeep" catalog rebuild
exits 'is the same' 0 "$pgkeep" catalog check
[[ $failed -eq 0 ]]
