#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/quickstart, as root and as nobody, in an environment full of addresses that it must not
# use; a step that fails; an interruption. Afterwards nothing of it may be left but what it
# says.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
canary=canary7f3a91c5
work=$(mktemp -d /var/tmp/pgkeep-scenario-90.XXXXXXXX)
kept=()
trap 'rm -rf "$work" "${kept[@]}"' EXIT
chmod 711 "$work"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

tree_state() {
    git -c safe.directory='*' -C "$root" status --porcelain --ignored | grep -v '^!! build/' ||
        true
}

# The folders of clusters that are there, and the servers that run in them.
clusters() {
    compgen -G '/var/tmp/pgkeep-quickstart-pg.*' || true
    local process
    for process in /proc/[0-9]*; do
        { tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null | grep pgkeep-quickstart-pg || true
    done
}

# hostile COMMAND...: with addresses and secrets of the caller's in all known places.
hostile() {
    env PGHOST="/nowhere/$canary" PGPORT=1 PGUSER="$canary" PGPASSWORD="$canary" \
        PGDATABASE="$canary" PGSERVICE="$canary" PGOPTIONS="-c $canary=1" PGSSLMODE=require \
        DATABASE_URL="postgresql://$canary:$canary@127.0.0.1:1/$canary" \
        DIRECT_URL="postgresql://$canary:$canary@127.0.0.1:1/$canary" \
        PGKEEP_REPOSITORY="$work/$canary" PGKEEP_PASSPHRASE="$canary" \
        PGKEEP_CATALOG="$work/$canary.sqlite" PGKEEP_PG_BIN="/nowhere/$canary" \
        PGKEEP_KEY_FILE="/nowhere/$canary" PGKEEP_JSON=1 "$@" </dev/null
}

# walk NAME COMMAND...: the whole walk, which must succeed.
walk() {
    local name=$1 out=$work/$1.out status=0 folder
    shift
    hostile "$@" "$source/tools/quickstart" >"$out" 2>&1 || status=$?
    folder=$(sed -n 's/^remove it all: *rm -rf //p' "$out")
    [[ $folder =~ ^/var/tmp/pgkeep-quickstart\.[A-Za-z0-9]{8}$ ]] || {
        cat "$out"
        fail "$name: status $status, and the last line does not say what is left"
    }
    kept+=("$folder")
    [[ $status -eq 0 ]] || fail "$name: status $status"
    [[ $(tail -n 1 "$out") == "remove it all:   rm -rf $folder" ]] || fail "$name: last line"
    grep -q '^== done in [0-9]* s$' "$out" || fail "$name: no summary"
    grep -q '^the restored database is the same$' "$out" || fail "$name: nothing was compared"
    grep -q '^verified 2 backups .*: 2 good, 0 damaged$' "$out" || fail "$name: not verified"
    cmp "$folder/shop.md5" "$folder/shop_restored.md5"
    [[ $(stat -c %a "$folder") == 700 ]] || fail "$name: others may look into $folder"
    ! grep -rq "$canary" "$folder" "$out" || fail "$name: a value of the caller was used"
    [[ $(find "$folder/repository/backups" -type f | wc -l) -eq 2 ]] || fail "$name: backups"
    [[ $(clusters) == "$clusters_before" ]] || fail "$name: a cluster is left: $(clusters)"
}

before=$(tree_state)
clusters_before=$(clusters)

mkdir "$work/build"
source=$root
walk own env PGKEEP_BUILD="$work/build"

if [[ $(id -u) -eq 0 ]]; then
    mkdir "$work/home" "$work/build-nobody"
    chown nobody "$work/home" "$work/build-nobody"
    # The checkout may lie where only root can look, as under /root.
    source=$work/source
    mkdir "$source"
    tar -C "$root" --exclude=./build --exclude=./.git -cf - . | tar -C "$source" -xf -
    chmod -R a+rX "$source"
    walk nobody setpriv --reuid=nobody --regid=nogroup --clear-groups \
        env -C / HOME="$work/home" PGKEEP_BUILD="$work/build-nobody"
    [[ -z $(ls -A "$work/home") ]] || fail "nobody: files in the caller's home"
fi

# A step that fails is named, with what it said; what was started is stopped.
status=0
: >"$work/no-folder"
PGKEEP_BUILD=$work/no-folder "$root/tools/quickstart" >"$work/fails.out" 2>&1 || status=$?
folder=$(sed -n 's/^the whole log: \(.*\)\/log$/\1/p' "$work/fails.out")
kept+=("${folder:?}")
[[ $status -eq 1 ]] || fail "a build that fails: status $status"
grep -q '^quickstart: failed at: build' "$work/fails.out" || fail "the step is not named"

# An interruption while the server runs: gone within seconds, and nothing is left.
: >"$work/stopped.out"
PGKEEP_BUILD=$work/build "$root/tools/quickstart" >>"$work/stopped.out" 2>&1 &
quickstart=$!
for _ in {1..600}; do
    ! grep -q '^PostgreSQL ' "$work/stopped.out" || break
    sleep 0.1
done
[[ $(clusters) != "$clusters_before" ]] || fail "no cluster while it runs"
kill -TERM "$quickstart"
status=0
wait "$quickstart" || status=$?
[[ $status -eq 143 ]] || fail "interrupted: status $status"
[[ $(clusters) == "$clusters_before" ]] || fail "interrupted: a cluster is left: $(clusters)"
grep -q '^quickstart: interrupted' "$work/stopped.out" || fail "interrupted: it does not say so"

[[ ! -e $work/$canary && ! -e $work/$canary.sqlite ]] || fail "the caller's repository was used"
[[ $(tree_state) == "$before" ]] || fail "the source tree has changed"
