# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# What the benchmarks share. After
#   source "$(dirname "$0")/lib.sh"
# and begin, there is a program to measure in $pgkeep, the bench programs in $programs, an
# empty folder $work, and nothing of the caller's in the environment.
#
# Options of all of them: --full (the sizes that the goals speak of), --runs N (each figure is
# the median of N), --pgkeep PATH (default: the release preset is built), --keep FOLDER (work
# there and leave everything).

umask 022
export LC_ALL=C.UTF-8
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bench=$root/tests/bench
build=${PGKEEP_BUILD:-$root/build}/bench
programs=$build/tests
pgkeep=
keep=
full=()
runs=3
work=
while read -r variable; do
    unset "$variable"
done < <(compgen -e | grep -E '^(PG|DATABASE_URL$|DIRECT_URL$|RESTIC_|BORG_|XDG_)' || true)

die() { # TEXT
    echo "${0##*/}: $1" >&2
    exit 1
}

usage() { # what the script says at its top, up to the first line that is no comment
    sed -n '3,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"
    sed -n '/^# Options/,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

# One of the options of all; sets how many words it took.
taken=
common_option() { # ARGUMENT...
    taken=2
    case $1 in
    --full)
        full=(--full)
        taken=1
        ;;
    --runs) runs=$(number "$@") ;;
    --pgkeep) pgkeep=$(realpath -e -- "${2:?--pgkeep needs a path}") ;;
    --keep) keep=$(realpath -m -- "${2:?--keep needs a folder}") ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
}

number() { # OPTION VALUE
    [[ ${2:-} =~ ^[1-9][0-9]{0,8}$ ]] || die "$1: a number is expected"
    echo "$2"
}

begin() { # BENCH-PROGRAM...: what must be there
    local targets=("$@")
    [[ -n $pgkeep ]] || targets+=(pgkeep)
    mkdir -p "$build"
    {
        [[ -e $build/build.ninja ]] || (cd "$root" && cmake --preset release -B "$build")
        cmake --build "$build" -j 2 --target "${targets[@]}"
    } >"$build.log" 2>&1 || die "the build failed: $build.log"
    pgkeep=${pgkeep:-$build/pgkeep}
    if [[ -n $keep ]]; then
        mkdir -p "$keep"
        [[ -z $(ls -A "$keep") ]] || die "$keep: not empty"
        work=$keep
    else
        # The path stays short: a socket's name has at most 107 bytes.
        work=$(mktemp -d /var/tmp/pgkeep-bench-XXXXXX)
    fi
    chmod 755 "$work"
    mkdir "$work/times"
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

at_end() { # a script with something to stop has its own
    :
}

leave() {
    local status=$?
    set +e
    at_end
    [[ -n $keep ]] || rm -rf "$work"
    exit "$status"
}

# The exit status of a benchmark: it is about time and bytes, but bytes that come back wrong
# are a failure.
finish() {
    [[ ! -e $work/different ]] || die 'a restore gave other bytes than were stored'
}

# -- measuring --

# Adds a line to the figures of a series.
timed() { # SERIES COMMAND...
    local series=$1
    shift
    "$bench/measure" "$@" >>"$work/times/$series" 2>"$work/err" || {
        cat "$work/err" >&2
        die "$* failed"
    }
}

# The median of a series: column 1 wall seconds, 2 CPU seconds, 3 peak MiB.
figure() { # SERIES COLUMN
    [[ ! -e $work/times/$1 ]] || cut -d' ' -f"$2" "$work/times/$1" | median
}

median() { # of the numbers on standard input
    sort -g | awk '
        { v[NR] = $1 }
        END {
            m = (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2
            if (NR > 0) printf (m >= 1000 ? "%.0f" : "%.3g"), m
        }'
}

sum_of() { # SHA-256 of standard input
    sha256sum | cut -d' ' -f1
}

calculate() { # FORMAT EXPRESSION: awk's; n/a for what cannot be divided
    awk "BEGIN { printf \"$1\", $2 }" 2>/dev/null || echo 'n/a'
}

mb() { # BYTES: with about three digits
    awk -v b="$1" 'BEGIN {
        m = b / 1e6
        if (m >= 1) printf (m >= 100 ? "%.0f MB" : m >= 10 ? "%.1f MB" : "%.2f MB"), m
        else if (b >= 1000) printf (b >= 10000 ? "%.0f kB" : "%.1f kB"), b / 1e3
        else printf "%d B", b
    }'
}

row() { # CELL...: of a table in Markdown
    printf '| '
    printf '%s |' "$1"
    shift
    [[ $# -eq 0 ]] || printf ' %s |' "$@"
    printf '\n'
}

head_row() { # CELL...
    row "$@"
    printf '|'
    for _; do printf '%s|' '---'; done
    printf '\n'
}

# -- stores --

# A store is a folder $work/NAME with repo (the archive) and local (what this host keeps).
files_bytes() { # FOLDER FIND-TEST...
    find "$@" -type f -printf '%s\n' | awk '{ s += $1 } END { print s + 0 }'
}

stored() { # NAME
    files_bytes "$work/$1/repo"
}

# Objects are written once and never changed, so a link is a copy.
save() { # NAME
    rm -rf "$work/$1.saved"
    mkdir "$work/$1.saved"
    cp -al "$work/$1/repo" "$work/$1.saved/repo"
    cp -a "$work/$1/local" "$work/$1.saved/local"
}

put_back() { # NAME: as it was saved
    rm -rf "${work:?}/$1"
    mkdir "$work/$1"
    cp -al "$work/$1.saved/repo" "$work/$1/repo"
    cp -a "$work/$1.saved/local" "$work/$1/local"
}

# -- pgkeep --

# Sets writer and reader: pgkeep for a repository with the key of the host, and with the
# recovery code, which unlike a passphrase takes no time.
use_repository() { # NAME
    local folder=$work/$1
    writer=(env "HOME=$folder/local" "XDG_CONFIG_HOME=$folder/local/config"
        "XDG_STATE_HOME=$folder/local/state" "PGKEEP_REPOSITORY=$folder/repo")
    reader=("${writer[@]}" "PGKEEP_RECOVERY_KEY_FILE=$work/$1.code" "$pgkeep")
    writer+=("$pgkeep")
}

new_repository() { # NAME
    mkdir -p "$work/$1/local"
    use_repository "$1"
    PGKEEP_PASSPHRASE='three words and a 4th' "${writer[@]}" init -q \
        --recovery-file "$work/$1.code" >"$work/err" 2>&1 || {
        cat "$work/err" >&2
        die 'init failed'
    }
}

# Is it, to the byte? Prints yes or NO; finish fails after a NO.
comes_back() { # BACKUP SHA-256
    local found
    found=$("${reader[@]}" restore "$1" --to-file - 2>"$work/err" | sum_of) || true
    if [[ $found == "$2" ]]; then
        echo yes
    else
        echo NO
        echo "$1" >>"$work/different"
        cat "$work/err" >&2
    fi
}
