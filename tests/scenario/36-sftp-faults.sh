#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Backups, restores and verifications through SSH connections that are refused, cut or stalled
# at any byte, and to a server whose disk is full: they succeed by trying again or end with 75
# or 1, and what was acknowledged comes back to the byte.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

need_sftp
start_proxy "$PGKEEP_TEST_SFTP_PORT" --tcp
sed "s/\]:$PGKEEP_TEST_SFTP_PORT /]:$proxy_port /" "$sshd/known_hosts" >"$work/known_hosts"
make_dumps 600000

through() { # URL: by way of the proxy
    local url=${1/:$PGKEEP_TEST_SFTP_PORT/:$proxy_port}
    echo "${url/$sshd\/known_hosts/$work/known_hosts}"
}
export PGKEEP_STORE_PATIENCE=20
PGKEEP_REPOSITORY=$(through "$place")
export PGKEEP_REPOSITORY
export PGKEEP_PASSPHRASE='three words and a 4th'
exits 'init' 0 "$pgkeep" init --recovery-file "$work/repo.code"
use_recovery_code repo
folder=$PGKEEP_TEST_SFTP_FOLDER/$(basename "${place%%\?*}")
number=1
try_backup $number
same 'a backup without a fault' 0 "$status"
same 'it is on the server' 1 "$(find "$folder/backups" -type f | wc -l)"
echo "      a backup takes $ms ms"

new_machine() {
    rm -rf "$HOME"
    new_home home
}

# ---- backups ----
passing=(refuse cut-up=30 cut-up=4000 cut-up=20000 cut-down=0 cut-down=3000)
[[ ${PGKEEP_LONG:-no} == no ]] || passing+=(cut-up=0 cut-up=1500 cut-up=150000 cut-down=30
    cut-down=1000 cut-down=8000)
for kind in "${passing[@]}"; do
    number=$((number + 1))
    new_machine
    rules ". . $kind 2"
    try_backup $number
    [[ $status -eq 0 ]] ||
        bad "$kind on two connections: expected exit 0, found $status" "$work/err"
    [[ $(faults .) -eq 2 || $kind =~ 20000|150000|8000 ]] ||
        bad "$kind: expected two faults, found $(faults .)" "$proxy/events"
done
ok "${#passing[@]} ways to lose a connection, and the backup is there"

for kind in refuse cut-up=30 cut-up=4000 cut-down=3000; do
    number=$((number + 1))
    new_machine
    rules ". . $kind always"
    PGKEEP_STORE_PATIENCE=2 try_backup $number
    [[ $status -eq 75 ]] || bad "$kind, always: expected exit 75, found $status" "$work/err"
    [[ $ms -lt 90000 ]] || bad "$kind, always: gave up after $ms ms only"
done
ok 'backups on a dead line end with 75'
# libssh2 lets go of its memory only when the other side answers its farewell.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
# A line that lets a few bytes through each time gets on, slowly: what gives up is one request.
silent=(stall-up=0 stall-up=150000)
[[ ${PGKEEP_LONG:-no} == no ]] || silent+=(stall-up=4000 stall-down=3000)
for kind in "${silent[@]}"; do
    number=$((number + 1))
    new_machine
    rules ". . $kind always"
    PGKEEP_STORE_PATIENCE=3 try_backup $number
    [[ $status -eq 75 || $status -eq 0 && $kind != *=0 ]] ||
        bad "$kind, always: expected exit 75, found $status" "$work/err"
    [[ $ms -lt 60000 || $kind =~ 000$ ]] || bad "$kind, always: gave up after $ms ms only"
done
ok 'backups on a silent line end with 75, or get through little by little'
export ASAN_OPTIONS=${ASAN_OPTIONS%detect_leaks=0}

# ---- what is sent again ----
for kind in cut-up=3000000 cut-up=9000000; do
    number=$((number + 1))
    vary_dump "$work/large" $number "$work/dump"
    before=$(du -sb "$folder/packs" | cut -f1)
    rules ". . $kind 1"
    exits "a large backup, $kind once" 0 "$pgkeep" backup --file "$work/dump" --name shop
    after=$(du -sb "$folder/packs" | cut -f1)
    same "$kind: it happened" 1 "$(faults .)"
    sent=$(awk '{ sum += $5 } END { print sum + 0 }' "$proxy/events")
    # SSH adds about a hundredth of its own.
    at_most "$kind: bytes sent again" \
        $((16 * 1024 * 1024 + (after - before) / 50 + 500000)) $((sent - (after - before)))
    rm -f "$work/back"
    quietly "$pgkeep" restore latest --to-file "$work/back"
    same_file "$kind: it comes back" "$work/dump" "$work/back"
done

# All connections killed by the server, again and again.
rules
number=$((number + 1))
vary_dump "$work/large" $number "$work/dump"
"$pgkeep" backup --file "$work/dump" --name shop --json >"$work/out" 2>"$work/err" &
child=$!
cuts=0
while kill -0 "$child" 2>/dev/null && [[ $cuts -lt 6 ]]; do
    sleep 0.3
    "$root/tests/servers/sshd" cut "$sshd"
    cuts=$((cuts + 1))
done
status=0
wait "$child" || status=$?
[[ $status -eq 0 ]] ||
    bad "connections killed $cuts times: expected exit 0, found $status" "$work/err"
rm -f "$work/back"
quietly "$pgkeep" restore latest --to-file "$work/back"
same_file "connections killed $cuts times: the backup comes back" "$work/dump" "$work/back"
all_is_there 'after all that'

# ---- restore and verify ----
mapfile -t ids < <(printf '%s\n' "${!dump_of[@]}" | sort)
id=${ids[0]}
vary_dump "$base" "${dump_of[$id]}" "$work/dump"
reading=(refuse cut-up=5000 cut-down=3000 cut-down=50000)
[[ ${PGKEEP_LONG:-no} == no ]] || reading+=(cut-up=1500 cut-down=30 cut-down=6000
    cut-down=150000)
for kind in "${reading[@]}"; do
    new_machine
    rm -f "$work/back"
    rules ". . $kind 2"
    exits "restore, $kind twice" 0 "$pgkeep" restore "$id" --to-file "$work/back"
    cmp -s "$work/dump" "$work/back" || bad "restore, $kind: other bytes came back"
    new_machine
    rules ". . $kind 2"
    exits "verify, $kind twice" 0 "$pgkeep" verify "$id"
done
for kind in refuse cut-down=3000; do
    new_machine
    rm -f "$work/back"
    rules ". . $kind always"
    PGKEEP_STORE_PATIENCE=2 exits "restore, $kind always" 75 \
        "$pgkeep" restore "$id" --to-file "$work/back"
    absent 'nothing of it is left' "$work/back"
    PGKEEP_STORE_PATIENCE=2 exits "verify, $kind always" 75 "$pgkeep" verify "$id"
done
rules
"$root/tests/servers/sshd" stop "$sshd"
PGKEEP_STORE_PATIENCE=2 exits 'a server that is not there' 75 "$pgkeep" backup \
    --file "$work/dump" --name shop
"$root/tests/servers/sshd" start "$sshd" "$PGKEEP_TEST_SFTP_PORT" 2>"$work/err" ||
    fail 'the server did not start again' "$work/err"
exits 'the server is there again' 0 "$pgkeep" backup --file "$work/dump" --name shop \
    --volatile more # a table of the larger dump

# ---- a full disk behind the server ----
small=$PGKEEP_TEST_SFTP_FOLDER/small
mkdir "$small"
if ! mount -t tmpfs -o size=4m,mode=700 none "$small" 2>"$work/err"; then
    cannot "no file system can be mounted here: $(<"$work/err")"
fi
mounts+=("$small")
PGKEEP_REPOSITORY=$(fresh_place "${PGKEEP_TEST_SFTP_URL/\?/\/small\?}")
dump_of=()
new_machine
unset PGKEEP_RECOVERY_KEY_FILE
export PGKEEP_PASSPHRASE='three words and a 4th'
exits 'init on a small disk' 0 "$pgkeep" init --recovery-file "$work/small.code"
use_recovery_code small
try_backup 1
same 'a backup that fits' 0 "$status"
exits 'a backup that does not fit' 1 "$pgkeep" backup --file "$work/large" --name shop
says 'the message says so' 'full|[Nn]o space'
same 'it is not listed' 1 "$(listed)"
dd if=/dev/zero of="$small/ballast" bs=4k >/dev/null 2>&1 || true
try_backup 2
same 'a disk without a byte' 1 "$status"
says 'the message says so' 'full|[Nn]o space'
rm "$small/ballast"
mount -o remount,size=200m "$small"
exits 'next backup, with space' 0 "$pgkeep" backup --file "$work/large" --name shop
all_is_there 'with space'
