#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# verify --level list: pg_restore must list what a backup holds. A pg_restore that is missing or
# too old makes no damage; one that lists less, or refuses, does.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

fixtures=$root/tests/fixtures/pgdump
new_repository repo
use_recovery_code repo
states() {
    "$pgkeep" list --json | sed -nE 's/^ *"state": *"([a-z]+)".*/\1/p' | xargs
}

for name in none-pipe gzip-file default-file; do
    quietly "$pgkeep" backup --file "$fixtures/A-pg15-$name.dump" --name "$name"
done
exits 'dumps of version 15' 0 "$pgkeep" verify --level list
says 'of each' 'good \(list\)'
says 'in all' '^verified 3 backups at level list in .*: 3 good, 0 damaged$'
same 'they are verified' 'verified verified verified' "$(states)"
exits 'once more, chunk by chunk' 0 "$pgkeep" verify --level list --json
same 'of each' '3 3' "$(grep -c '"again": *true' "$work/out") $(
    grep -c '"level": *"list"' "$work/out")"

# ---- a pg_restore of another kind ----
# It asks the right one, and then spoils the answer.
mkdir "$work/bin"
export PGKEEP_PG_BIN=$work/bin
pg_restore_that() { # SHELL-CODE: of what it does with --list
    cat >"$work/bin/pg_restore" <<END
#!/bin/sh
[ "\$1" != --version ] || exec $pg_bin/pg_restore --version
$1
END
    chmod +x "$work/bin/pg_restore"
}
exits 'no pg_restore' 1 "$pgkeep" verify --level list
says 'not checked' '  NOT CHECKED  not listed: an archive of version 1.14: .*pg_restore'
pg_restore_that "$pg_bin/pg_restore --list | grep -v 'TABLE app users'"
exits 'an entry is missing' 4 "$pgkeep" verify --level list latest --source none-pipe
says 'it is named' 'DAMAGED  pg_restore --list: entry [0-9]+ is not listed: TABLE app.users'
pg_restore_that "$pg_bin/pg_restore --list; echo '99999; 0 0 TABLE app more x'"
exits 'an entry too much' 4 "$pgkeep" verify --level list latest --source none-pipe
says 'it is named, too' 'entry 99999 is listed, but not in the archive'
pg_restore_that 'echo "pg_restore: error: did not find magic string" >&2; exit 1'
exits 'it refuses' 4 "$pgkeep" verify --level list latest --source none-pipe
says 'its words' 'DAMAGED  pg_restore --list: .*did not find magic string'
pg_restore_that 'exit 127'
exits 'it cannot run' 1 "$pgkeep" verify --level list latest --source none-pipe
pg_restore_that 'kill -9 $$'
exits 'it is killed' 1 "$pgkeep" verify --level list latest --source none-pipe
pg_restore_that 'echo "pg_restore: error: unsupported version (1.14)" >&2; exit 1'
exits 'it is older than it says' 1 "$pgkeep" verify --level list latest --source none-pipe
unset PGKEEP_PG_BIN
exits 'the right one again' 0 "$pgkeep" verify --level list
same 'they are verified again' 'verified verified verified' "$(states)"

# ---- archives that pg_restore 15 does not read ----
quietly "$pgkeep" backup --file "$fixtures/A-pg17-none-pipe.dump" --name newer
quietly "$pgkeep" backup --file "$fixtures/A-pg18-none-file.dump" --name newest
if compgen -G '/usr/lib/postgresql/1[789]/bin/pg_restore' >/dev/null; then
    ok 'a newer pg_restore is here'
else
    exits 'newer archives' 1 "$pgkeep" verify --level list
    says 'which version is needed' 'version 1.16: pg_restore: version 17 or newer is needed'
    says 'the others are good' ': 3 good, 0 damaged, 2 not checked$'
fi
exits 'their data is good' 0 "$pgkeep" verify --level data
exits 'a sample' 2 "$pgkeep" verify --level list --sample 1/2
exits 'no such level' 2 "$pgkeep" verify --level lists
says 'the levels' 'objects, data or list'
