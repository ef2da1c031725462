#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Damage to any object of the repository is found and named, and a restore never delivers
# wrong bytes.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"

start_cluster pg
createdb shop
make_rows shop t1 20000
make_rows shop t2 20000
new_repository repo
use_recovery_code repo
for night in 1 2; do
    sql shop "UPDATE t1 SET v = 'night $night ' || v WHERE id % 9 = 0"
    pg_dump -Fc -Z0 -d shop -f "$work/night$night"
    quietly "$pgkeep" backup --file "$work/night$night" --name shop
done
stop_server pg
exits 'before all: verify' 0 "$pgkeep" verify
first=$(backup_id 1)
second=$(backup_id 2)
whole=$PGKEEP_REPOSITORY
cp -a "$HOME" "$work/home-whole"
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$seed
echo "      SEED=$seed"

# A machine without any key of its own, and one that has never seen the repository.
no_keys() { # ARGUMENT...
    env -u PGKEEP_RECOVERY_KEY_FILE HOME="$work/none" XDG_CONFIG_HOME="$work/none/c" \
        XDG_STATE_HOME="$work/none/s" "$pgkeep" "$@"
}

spoil() { # FILE [OFFSET]: any bit, anywhere
    flip "$1" "${2:-$(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$1")))}" $((1 << RANDOM % 8))
}
shorten() { # FILE
    truncate -s $(((RANDOM * 32768 + RANDOM) % $(stat -c %s "$1"))) "$1"
}
lengthen() { # FILE
    echo more >>"$1"
}
empty() { # FILE
    truncate -s 0 "$1"
}
remove() { # FILE
    rm "$1"
}

# Both backups: either the right bytes, or an error and no file.
delivers_nothing_wrong() { # WHAT
    local night=0 id status
    for id in "$first" "$second"; do
        night=$((night + 1))
        rm -f "$work/back"
        status=0
        "$pgkeep" restore "$id" --to-file "$work/back" >"$work/out" 2>"$work/err" || status=$?
        if [[ $status -eq 0 ]]; then
            cmp -s "$work/back" "$work/night$night" || fail "$1: a restore gave wrong bytes"
        else
            [[ ! -e $work/back ]] || fail "$1: a failed restore left a file"
            [[ $status -eq 4 || $status -eq 1 ]] ||
                fail "$1: restore: expected exit 4 or 1, found $status" "$work/err"
        fi
        rm -f "$work"/back.tmp*
    done
}

damaged=0
# An old machine with its catalog, where all was verified before, so that this is again; the
# same the full way; a bare one with the passphrase, one without any key.
found_by_all() { # WHAT OBJECT
    local how status
    for how in known full bare keyless; do
        status=0
        case $how in
        known)
            "$pgkeep" verify >"$work/out" 2>"$work/err" || status=$?
            grep -v '^verified' "$work/out" | sort >"$work/again"
            ;;
        full)
            "$pgkeep" verify --full >"$work/out" 2>"$work/err" || status=$?
            grep -v '^verified' "$work/out" | sort | cmp -s - "$work/again" ||
                bad "$1: verify again and verify --full differ" "$work/again" "$work/out"
            ;;
        bare)
            HOME=$work/none XDG_CONFIG_HOME=$work/none/c XDG_STATE_HOME=$work/none/s \
                "$pgkeep" verify >"$work/out" 2>"$work/err" || status=$?
            ;;
        keyless) no_keys verify --level objects >"$work/out" 2>"$work/err" || status=$? ;;
        esac
        rm -rf "$work/none"
        [[ $status -eq 4 ]] ||
            bad "$1, verify ($how): expected exit 4, found $status" "$work/out" "$work/err"
        grep -qF "${2##*/}" "$work/out" "$work/err" ||
            bad "$1, verify ($how): expected the name ${2##*/}" "$work/out" "$work/err"
    done
}

# One object at a time, in a copy.
export PGKEEP_REPOSITORY=$work/repo # the same URL, so that the catalog knows it
mv "$whole" "$work/whole"
mapfile -t objects < <(cd "$work/whole" && find packs backups -type f | sort)
[[ ${#objects[@]} -ge 4 ]] || fail "expected packs and manifests, found ${objects[*]}"
for object in "${objects[@]}"; do
    for damage in spoil shorten lengthen empty remove; do
        # A manifest that is gone is a backup that is not there: only its host could miss it.
        [[ $damage-$object != remove-backups* ]] || continue
        rm -rf "$work/repo" "$HOME"
        cp -a "$work/whole" "$work/repo"
        cp -a "$work/home-whole" "$HOME"
        "$damage" "$work/repo/$object"
        found_by_all "$damage $object" "$object"
        delivers_nothing_wrong "$damage $object"
        damaged=$((damaged + 1))
    done
done
ok "$damaged damages of packs and manifests, each looked at by three machines"

# ---- bits anywhere in a pack ----
pack=$(cd "$work/whole" && find packs -type f -printf '%s %p\n' | sort -rn | head -n 1 |
    cut -d' ' -f2)
size=$(stat -c %s "$work/whole/$pack")
for offset in 0 7 8 9 20 100 300 $((size - 1)) $((size - 8)) $((size - 40)) r r r r r r; do
    [[ $offset != r ]] || offset=$(((RANDOM * 32768 + RANDOM) % size))
    rm -rf "$work/repo"
    cp -a "$work/whole" "$work/repo"
    spoil "$work/repo/$pack" "$offset"
    status=0
    "$pgkeep" verify >"$work/out" 2>"$work/err" || status=$?
    [[ $status -eq 4 ]] || bad "a bit at $offset of $pack: exit $status" "$work/out" "$work/err"
    delivers_nothing_wrong "a bit at $offset of $pack"
done
ok 'bits at 16 places of a pack'

# ---- objects that change places ----
rm -rf "$work/repo"
cp -a "$work/whole" "$work/repo"
mv "$work/repo/backups/$first" "$work/t"
mv "$work/repo/backups/$second" "$work/repo/backups/$first"
mv "$work/t" "$work/repo/backups/$second"
exits 'two manifests that changed places' 4 "$pgkeep" verify
delivers_nothing_wrong 'two manifests that changed places'

# ---- small objects ----
for object in config replica hosts; do
    path=$(cd "$work/whole" && find "$object" -type f | head -n 1)
    rm -rf "$work/repo" "$work/none"
    cp -a "$work/whole" "$work/repo"
    spoil "$work/repo/$path"
    status=0
    HOME=$work/none XDG_CONFIG_HOME=$work/none/c XDG_STATE_HOME=$work/none/s \
        "$pgkeep" verify >"$work/out" 2>"$work/err" || status=$?
    # A replica id is any 16 bytes; all else is signed or sealed.
    [[ $object == replica && $status -eq 0 || $status -eq 4 ]] ||
        bad "a bit of $path: exit $status" "$work/out" "$work/err"
    delivers_nothing_wrong "a bit of $path"
done
ok 'a bit of config, replica, hosts'
rm -rf "$work/repo"
cp -a "$work/whole" "$work/repo"
slot=$(find "$work/repo/keys" -type f)
by_passphrase=(env -u PGKEEP_RECOVERY_KEY_FILE PGKEEP_PASSPHRASE='three words and a 4th'
    "$pgkeep" verify --level data)
# Bytes 7 and 8 say which version and function it is of: one that is not known is no wrong key.
for at in 7 8; do
    spoil "$slot" "$at"
    exits "a bit of byte $at of the passphrase slot: verify by the passphrase" 1 \
        "${by_passphrase[@]}"
    says 'it says what was expected' 'passphrase slot: version .*, function .*, expected'
    cp "$work/whole/keys/${slot##*/}" "$slot"
done
spoil "$slot" $((9 + RANDOM % 103))
exits 'a bit of the passphrase slot: verify by the passphrase' 12 "${by_passphrase[@]}"
exits 'a bit of the passphrase slot: verify by the code' 0 "$pgkeep" verify --level data

# ---- and the whole one is still whole ----
rm -rf "$work/repo" "$HOME"
mv "$work/whole" "$work/repo"
cp -a "$work/home-whole" "$HOME"
exits 'undamaged: verify' 0 "$pgkeep" verify
exits 'undamaged: verify --level objects without a key' 0 no_keys verify --level objects
exits 'undamaged: verify without a key says what it did' 0 no_keys verify
says 'it says so' 'objects'
