#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Backups, restores and verifications through an S3 connection on which everything goes wrong,
# one kind of fault on one kind of request at a time: they succeed by trying again or end with
# 75 or 1, what was acknowledged comes back to the byte, and little is sent twice.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

need_s3
start_proxy "$PGKEEP_TEST_S3_PORT"
make_dumps 1000000

export PGKEEP_STORE_PATIENCE=20
export PGKEEP_REPOSITORY=${place/:$PGKEEP_TEST_S3_PORT/:$proxy_port}
export PGKEEP_PASSPHRASE='three words and a 4th'
exits 'init' 0 "$pgkeep" init --recovery-file "$work/repo.code"
use_recovery_code repo
number=1
try_backup $number
same 'a backup without a fault' 0 "$status"
echo "      a backup takes $ms ms"

# What goes wrong twice and is then fine, or (waiting) once. A reply without a body has no bit
# to flip, nor a request.
few=(cut-before '503=1' reply-lost truncated)
all=("${few[@]}" 500 ok-error cut-reply 'stall=2' cut-mid cut-after 429 400 502 504 etag
    'stall-reply=2')
# Nothing is to be taken for good here, but nobody has to try again.
refusals=(403 404 501 redirect flip-up flip-down)
# What is read back can be spoilt in fewer ways, where time is short.
spoils=("${few[@]}" 403 flip-down)
refused=('PUT /packs/' 'GET list-type')
dead=('PUT /backups/' '. .')
if [[ ${PGKEEP_LONG:-no} != no ]]; then
    few=("${all[@]}")
    spoils=("${all[@]}" "${refusals[@]}")
    refused=('PUT /packs/' 'PUT /backups/' 'GET list-type' 'HEAD .')
    dead=('PUT /packs/' 'PUT /backups/' 'GET list-type' '. .')
fi

# Requests, METHOD TARGET; those of them that are made are tried.
requests=('PUT /packs/' 'PUT /backups/' 'PUT /(hosts|sessions|marks|envelopes)/'
    'GET list-type' 'GET /(config|replica|keys|hosts|backups|packs)' 'HEAD .' 'DELETE .')

new_machine() {
    rm -rf "$HOME"
    new_home home
}

happens() { # REQUEST: in the events so far
    grep -E "^[^ ]+ ${1%% *} " "$proxy/events" | grep -qE -- "${1#* }"
}

asked=()
look_at() { # WHAT COMMAND...: which of the requests it makes, into asked
    local what=$1 request
    shift
    rules
    quietly "$@"
    asked=()
    for request in "${requests[@]}"; do
        ! happens "$request" || asked+=("$request")
    done
    echo "      $what asks: $(printf "'%s' " "${asked[@]}")"
}

times() { # KIND
    [[ $1 != stall* ]] && echo 2 || echo 1
}

# 200 with an error instead of an object is an object like any other to whoever gets it, and
# says that there is one to whoever asks; no server does so.
lies() { # REQUEST KIND
    [[ $2 == ok-error && $1 =~ ^(GET\ /|HEAD) ]]
}

# ---- backups ----

# One round: a fault on a request of a backup; $hit is how often it came to that.
round() { # REQUEST KIND COUNT
    number=$((number + 1))
    rules "$1 $2 $3"
    try_backup $number
    hit=$(faults .)
    rules
}

passing() { # REQUEST KIND...
    local request=$1 kind
    shift
    for kind; do
        ! lies "$request" "$kind" || continue
        [[ $machine == old ]] || new_machine
        round "$request" "$kind" "$(times "$kind")"
        rounds=$((rounds + 1))
        if [[ $hit -eq 0 ]]; then
            # A body is there to be spoilt with every PUT, at other times it may not be.
            [[ $request != PUT* ]] || bad "$kind on $request: expected it to happen"
        elif [[ $status -ne 0 ]]; then
            bad "$kind on $request, passing: expected exit 0, found $status" "$work/err"
        fi
    done
}

rounds=0
for machine in new old; do
    [[ $machine == old ]] || new_machine
    number=$((number + 1))
    vary_dump "$base" $number "$work/dump"
    look_at "a backup of a $machine machine" "$pgkeep" backup --file "$work/dump" --name shop
    [[ " ${asked[*]} " == *'PUT /packs/ PUT /backups/'*'GET list-type'* ]] ||
        bad 'expected a backup to put packs and manifests and to list'
    for request in "${asked[@]}"; do
        # What both do is tried with the old one, which has less to read.
        case $machine-$request in
        old-*/packs/) passing "$request" "${all[@]}" ;;
        old-*/backups/ | old-*list-type | new-'GET /'* | new-*hosts*)
            passing "$request" "${few[@]}"
            ;;
        old-HEAD* | old-DELETE*) passing "$request" cut-before '503=1' cut-reply ;;
        esac
    done
done
ok "$rounds backups with a passing fault"
for request in "${refused[@]}"; do
    for kind in "${refusals[@]}"; do
        PGKEEP_STORE_PATIENCE=1 round "$request" "$kind" always
        [[ $status =~ ^(0|1|2|4|10|12|75)$ ]] ||
            bad "$kind on $request, always: exit $status" "$work/err"
        [[ $status -eq 0 || $hit -gt 0 ]] ||
            bad "$kind on $request, always: exit $status without a fault" "$work/err"
    done
done
ok 'backups that are refused, lied to or sent elsewhere'
for request in "${dead[@]}"; do
    for kind in cut-before 503 stall=1; do
        PGKEEP_STORE_PATIENCE=1 round "$request" $kind always
        [[ $status -eq 75 && $hit -gt 0 ]] ||
            bad "$kind on $request, always: expected exit 75, found $status" "$work/err"
        [[ $ms -lt 20000 ]] || bad "$kind on $request, always: gave up after $ms ms only"
    done
done
ok 'backups on a dead line end with 75'
# The reply never comes, the object does: it is looked for.
PGKEEP_STORE_PATIENCE=5 round 'PUT .' reply-lost always
[[ $status -eq 0 ]] || bad "no reply to any PUT: expected exit 0, found $status" "$work/err"
all_is_there 'after all that'

# ---- what is sent again ----
sent() { # bytes of bodies that went up for packs
    awk '$2 == "PUT" && $3 ~ "/packs/" { sum += $5 } END { print sum + 0 }' "$proxy/events"
}
stored() {
    s3 list packs/ | awk '{ sum += $1 } END { print sum + 0 }'
}
for case in 'reply-lost 1' 'cut-mid 1@1' 'cut-after 1' 'truncated 1@1'; do
    rules "PUT /packs/ $case"
    number=$((number + 1))
    vary_dump "$work/large" $number "$work/dump"
    before=$(stored)
    exits "$case of the packs of a large one" 0 "$pgkeep" backup --file "$work/dump" \
        --name shop
    same "$case: it happened" 1 "$(faults .)"
    at_most "$case: bytes sent again" $((16 * 1024 * 1024 + 65536)) \
        $(($(sent) - ($(stored) - before)))
done
rules
exits 'verify' 0 "$pgkeep" verify latest
quietly "$pgkeep" restore latest --to-file "$work/back"
same_file 'the last large one' "$work/dump" "$work/back"

# ---- restore and verify ----
mapfile -t ids < <(printf '%s\n' "${!dump_of[@]}" | sort)
id=${ids[0]}
vary_dump "$base" "${dump_of[$id]}" "$work/dump"
# A catalog that is right, so that not all is read each time.
cp -a "$HOME" "$work/home-right"

# One command with a fault; anything but the right bytes is an error and no file.
spoilt() { # COMMAND REQUEST KIND
    local allowed='^0$' status=0
    rm -rf "$work/back" "$HOME"
    cp -a "$work/home-right" "$HOME"
    rules "$2 $3 $(times "$3")"
    "${run[@]}" >"$work/out" 2>"$work/err" || status=$?
    if [[ " ${refusals[*]} " == *" $3 "* ]] || lies "$2" "$3"; then
        allowed='^(0|1|2|4|10|12|75)$'
    fi
    [[ $status =~ $allowed ]] || bad "$1, $3 on $2: exit $status" "$work/err"
    if [[ $1 == restore && $status -eq 0 ]]; then
        cmp -s "$work/dump" "$work/back" || bad "$1, $3 on $2: other bytes came back"
    elif [[ -e $work/back ]]; then
        bad "$1, $3 on $2: a failed restore left a file"
    fi
}

for command in restore verify; do
    run=("$pgkeep" verify --full "$id")
    [[ $command == verify ]] || run=("$pgkeep" restore "$id" --to-file "$work/back")
    look_at "a $command" "${run[@]}"
    [[ " ${asked[*]} " == *'GET '* ]] || bad "expected a $command to get something"
    for request in "${asked[@]}"; do
        for kind in "${spoils[@]}"; do
            spoilt $command "$request" "$kind"
        done
    done
    rm -f "$work/back"
    rules '. . 503 always'
    PGKEEP_STORE_PATIENCE=1 exits "a $command on a dead line" 75 "${run[@]}"
    absent 'nothing of it is left' "$work/back"
    ok "a $command with each fault on each request"
done
rules
same 'no object is left of attempts' '' \
    "$(s3 list | cut -d' ' -f2 | grep -vE '^(config|replica|[a-z]+/[0-9a-f/-]+)$' || true)"
