#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `doctor` on a machine where all is well, and where one thing after another is wrong.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

exits 'without a repository' 0 "$pgkeep" doctor
says 'programs are found' "^ok +pg_dump +/.*/pg_dump: 15\."
says 'that none is named' '^none +repository'
exits 'a repository that is not there' 1 "$pgkeep" doctor -r "$work/nowhere"
says 'what is wrong' '^fail +repository .*nowhere'
says 'what to do' 'hint: pgkeep init'
says 'the programs all the same' '^ok +pg_restore'

new_repository repo
exits 'a repository' 0 "$pgkeep" doctor
says 'what the store can do' '^ok +store +directory; create-if-absent: yes'
says 'who may write' '^ok +writes +/.*\.host$'
says 'a key that reads' '^ok +reads'
says 'the catalog' '^ok +catalog +sound'
same 'nothing is left in the repository' '' \
    "$(find "$PGKEEP_REPOSITORY" -type f |
        grep -vE '/(config|replica|keys/.*|hosts/.*)$' || true)"
exits 'for programs' 0 "$pgkeep" doctor --json
says 'a document' '"check": "store"'

PGKEEP_PG_BIN=$work exits 'no pg_dump' 1 "$pgkeep" doctor
says 'that it is missing' '^fail +pg_dump'
PGKEEP_PASSPHRASE=wrong exits 'a wrong passphrase' 1 "$pgkeep" doctor
says 'that it is wrong' '^fail +reads'
unset PGKEEP_PASSPHRASE
exits 'no passphrase' 0 "$pgkeep" doctor
says 'that is no mistake' '^none +reads'
catalog=$(find "$XDG_STATE_HOME" -name catalog.sqlite)
printf 'no catalog at all, but long enough to be looked at' >"$catalog"
exits 'a damaged catalog' 1 "$pgkeep" doctor
says 'which one' '^fail +catalog .*catalog\.sqlite'
