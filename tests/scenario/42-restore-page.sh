#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/RESTORE.md, line by line, on a machine that has nothing but the repository's URL and the
# recovery code; for a directory, and for the S3 and SFTP server that tests/run has started.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

start_cluster pg
sql postgres 'CREATE ROLE shop_owner' 'CREATE ROLE shop_reader'
sql postgres 'CREATE DATABASE shop OWNER shop_owner'
make_rows shop orders 5000
sql shop 'ALTER TABLE orders OWNER TO shop_owner' 'GRANT SELECT ON orders TO shop_reader'
mkdir "$work/bin"
ln -s "$pgkeep" "$work/bin/pgkeep"
export PATH=$work/bin:$PATH

# Each line of the page, in one shell, as it stands but for the two places.
steps() { # URL
    local url=${1//&/\\&}
    echo 'set -euo pipefail'
    sed -nE 's/^    \$ //p' "$root/docs/RESTORE.md" |
        sed -e "s|=/srv/backup/shop$|='$url'|" \
            -e "s|^cat > recovery-code.*|cp '$work/code' recovery-code|" -e 's/^/: step; /'
}

page() { # NAME URL
    local name=$1 url=$2 count
    export PGKEEP_REPOSITORY=$url PGKEEP_PASSPHRASE='three words and a 4th'
    new_home "first-$name"
    rm -f "$work/code"
    quietly "$pgkeep" init --recovery-file "$work/code"
    quietly "$pgkeep" backup -d shop --name shop
    describe shop "$work/before"
    # The machine is gone, and the database is broken; the roles with it.
    unset PGKEEP_REPOSITORY PGKEEP_PASSPHRASE
    rm -rf "$HOME" "$work/machine"
    new_home machine
    sql shop 'TRUNCATE orders'
    sql shop 'REASSIGN OWNED BY shop_owner TO postgres' 'DROP OWNED BY shop_owner, shop_reader'
    sql postgres 'ALTER DATABASE shop OWNER TO postgres' 'DROP ROLE shop_owner' \
        'DROP ROLE shop_reader'
    steps "$url" >"$work/steps"
    count=$(grep -c ': step; ' "$work/steps")
    [[ $count -ge 21 ]] || fail "$name: expected 21 steps or more on the page, found $count"
    (cd "$HOME" && exits "$name: $count steps of the page" 0 bash -x "$work/steps")
    describe shop "$work/after"
    same_database "$name: the database at the end" "$work/before" "$work/after"
    same "$name: its owner" shop_owner "$(sql postgres \
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'")"
    same "$name: the broken one is there still" 0 \
        "$(sql shop_broken 'SELECT count(*) FROM orders')"
    same "$name: one table of it" 5000 "$(sql shop_orders 'SELECT count(*) FROM orders')"
    sql postgres 'DROP DATABASE shop_broken' 'DROP DATABASE shop_orders'
}

page directory "$work/repo"
need_s3
page s3 "$place"
need_sftp
page sftp "$place"
