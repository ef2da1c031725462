# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the scripts of the test servers share. Each is called as
#   NAME start DIR PORT [OPTION...] | ready DIR | env DIR | stop DIR | logs DIR
# Everything of a server stands in its private folder DIR, so that several run side by side;
# `start` returns when the server can be used and tells the seconds of each step; a server that
# dies meanwhile is a failure at once, with the tail of its log. `env` prints NAME=value lines
# to export. `stop` kills: these servers hold nothing that is to be kept. Exit 77: a program is
# missing on this machine.
# A script defines start_server, server_ready, server_env and verb_NAME for verbs of its own.

set -uo pipefail
export LC_ALL=C.UTF-8
server_name=${0##*/}
began=${EPOCHREALTIME/[.,]/}

step() { # TEXT
    local now=${EPOCHREALTIME/[.,]/}
    printf '%s: %6d ms  %s\n' "$server_name" $(((now - began) / 1000)) "$1" >&2
}

# The end of a start that did not work.
die() { # TEXT
    local log
    echo "$server_name: $1" >&2
    if [[ -n ${dir:-} && -d $dir ]]; then
        for log in "$dir"/*.log; do
            [[ -s $log ]] || continue
            echo "$server_name: the end of $log:" >&2
            tail -n 12 "$log" | cut -c 1-160 | sed 's/^/    /' >&2
        done
        stop_children
    fi
    exit 1
}

needs() { # PROGRAM...
    local program
    for program; do
        command -v "$program" >/dev/null && continue
        echo "$server_name: $program is not installed" >&2
        exit 77
    done
}

# Runs a step that has to work; its words are in $dir/steps.log.
must() { # COMMAND...
    "$@" >>"$dir/steps.log" 2>&1 || die "failed: ${*:0:6}"
}

# ---- children: a pid file each, with the time of the start so that a number that the system
# has given to another process meanwhile is never killed ----

started_at() { # PID
    sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

spawn() { # NAME COMMAND...
    local child=$1 pid
    shift
    setsid "$@" </dev/null >>"$dir/$child.log" 2>&1 &
    pid=$!
    disown "$pid"
    echo "$pid $(started_at "$pid")" >"$dir/$child.pid"
}

# Prints the process id of a child that runs.
child_pid() { # NAME
    local pid at
    read -r pid at 2>/dev/null <"$dir/$1.pid" || return 1
    [[ -n $at && $(started_at "$pid") == "$at" ]] || return 1
    [[ $(sed -E 's/^.*\) //' "/proc/$pid/stat" 2>/dev/null) != Z* ]] || return 1
    echo "$pid"
}

children_of() { # PID
    cat "/proc/$1"/task/*/children 2>/dev/null || true
}

stop_child() { # NAME: with what it started
    local pid inner below
    pid=$(child_pid "$1") || {
        rm -f "$dir/$1.pid"
        return 0
    }
    below=$(children_of "$pid")
    for inner in $below; do
        below+=" $(children_of "$inner")"
    done
    kill -KILL "$pid" 2>/dev/null
    for inner in $below; do
        kill -KILL "$inner" 2>/dev/null
    done
    while child_pid "$1" >/dev/null; do
        sleep 0.01
    done
    rm -f "$dir/$1.pid"
}

stop_children() {
    local file
    for file in "$dir"/*.pid; do
        [[ ! -e $file ]] || stop_child "$(basename "$file" .pid)"
    done
}

# Until a command works: at most SECONDS, and only as long as the child runs.
await() { # CHILD SECONDS COMMAND...
    local child=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        child_pid "$child" >/dev/null || die "$child has ended"
        [[ $SECONDS -lt $end ]] || die "$child: waited in vain for: $*"
        sleep 0.05
    done
}

port_answers() { # PORT
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

port_is_free() { # PORT
    ! port_answers "$1" || die "port $1 of 127.0.0.1 is taken"
}

# A value for later calls of this script: written by start, read by env and ready.
remember() { # NAME VALUE
    printf '%s' "$2" >"$dir/$1.value"
}

recall() { # NAME
    cat "$dir/$1.value"
}

usage() {
    echo "usage: $server_name start DIR PORT ${start_options:-} | ready DIR | env DIR |" \
        "stop DIR | logs DIR ${more_verbs:-}" >&2
    exit 2
}

main() {
    local verb=${1:-}
    [[ $# -ge 2 && $2 == /* ]] || usage
    dir=${2%/}
    shift 2
    case $verb in
    start)
        [[ ${1:-} =~ ^[0-9]+$ ]] || usage
        mkdir -p "$dir" && chmod 700 "$dir" || exit 1
        if compgen -G "$dir/*.pid" >/dev/null; then
            echo "$server_name: $dir is in use: stop it first" >&2
            exit 1
        fi
        start_server "$@"
        step ready
        ;;
    ready) [[ -d $dir ]] && server_ready ;;
    env) [[ -d $dir ]] && server_env ;;
    stop) [[ ! -d $dir ]] || stop_children ;;
    logs) [[ ! -d $dir ]] || tail -n +1 "$dir"/*.log ;;
    *)
        [[ $(type -t "verb_$verb") == function ]] || usage
        "verb_$verb" "$@"
        ;;
    esac
}
