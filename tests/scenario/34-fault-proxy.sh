#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The instrument itself: the fault proxy does each kind of harm as often as it is told to, says
# so, and does none otherwise.
set -euo pipefail
# shellcheck source=tests/scenario/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/servers.sh
source "$(dirname "$0")/servers.sh"

need_s3
start_proxy "$PGKEEP_TEST_S3_PORT"
direct=$place
place=${direct/:$PGKEEP_TEST_S3_PORT/:$proxy_port}
past() { # ARGUMENT...: past the proxy
    /usr/bin/python3 "$root/tests/servers/s3.py" "$direct" "$@"
}
head -c 300000 /dev/urandom >"$work/blob"
put() { # KEY
    s3 put "$1" <"$work/blob" >"$work/out" 2>"$work/err"
}
get() { # KEY
    s3 get "$1" >"$work/back" 2>"$work/err"
}

put whole
get whole
same_file 'no rule, no harm' "$work/blob" "$work/back"
same 'no rule, no fault counted' 0 "$(faults .)"

# Twice and then no more; whether the object is there after the fault.
for case in cut-before:no cut-mid:no cut-after:no 500:no 503=1:no ok-error:no redirect:no \
    stall=1:no flip-up:no reply-lost:yes truncated:yes cut-reply:yes stall-reply=1:yes; do
    kind=${case%:*}
    rules "PUT ${kind%=*}/ $kind 2"
    for i in 1 2; do
        # Only a lie or a reply that has no body can look like success.
        if put "${kind%=*}/$i"; then
            [[ $kind == ok-error || $kind == truncated ]] || bad "$kind: expected a failure"
        fi
        there=no
        ! past get "${kind%=*}/$i" >"$work/back" 2>"$work/err" || there=yes
        [[ $there == "${case#*:}" ]] || bad "$kind: the object is there: $there"
    done
    put "${kind%=*}/3" || bad "$kind: expected the third to work" "$work/err"
    same "$kind: twice, not oftener" 2 "$(faults "^${kind%=*} PUT")"
done
rules 'PUT . etag 1'
put tag
same 'etag: counted' 1 "$(faults '^etag PUT')"
rules 'GET . flip-down 1'
get whole
same 'flip-down: bytes that differ' 1 "$(cmp -l "$work/blob" "$work/back" | wc -l)"
get whole
same_file 'flip-down: once' "$work/blob" "$work/back"
for kind in truncated cut-reply stall-reply=1; do
    rules "GET . $kind 1"
    ! get whole || bad "$kind of a GET: expected a failure"
done
rules '. . 500 1/2' '. . 403 1@1'
for i in 1 2 3 4; do
    get whole || true
done
same 'every second, and one after the first' '- 500 403 500' \
    "$(cut -d' ' -f1 "$proxy/events" | paste -sd' ')"

"$root/tests/servers/proxy" stop "$proxy"
rm -r "$proxy"
start_proxy "$PGKEEP_TEST_S3_PORT" --tcp --delay 50
place=${direct/:$PGKEEP_TEST_S3_PORT/:$proxy_port}
start=$(date +%s%N)
get whole
same_file 'tcp: passes all' "$work/blob" "$work/back"
[[ $((($(date +%s%N) - start) / 1000000)) -ge 100 ]] || bad 'tcp: expected a delay'
for kind in refuse cut-up=100 cut-up=200000 cut-down=0; do
    rules ". . $kind 1"
    ! put tcp || bad "tcp, $kind: expected a failure"
    put tcp || bad "tcp, $kind: expected the second to work" "$work/err"
    same "tcp, $kind: once" 1 "$(faults "^${kind%=*} ")"
done
rules '. . cut-down=100000 1' # of whose reply there is no such byte
put tcp
same 'tcp: a cut that nothing reaches is none' 0 "$(faults .)"
