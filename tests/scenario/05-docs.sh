#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The man pages say what the program says (one source: the option tables), and every command
# explains itself. `tests/scenario/05-docs.sh --write` writes the pages anew.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
pgkeep=${PGKEEP:-$root/build/dev/pgkeep}
pages=$root/docs/man
mapfile -t commands < <("$pgkeep" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[[ ${#commands[@]} -ge 10 ]] || {
    echo "help lists ${#commands[@]} commands, expected 10 or more"
    exit 1
}
if [[ ${1:-} == --write ]]; then
    mkdir -p "$pages"
    "$pgkeep" help --man >"$pages/pgkeep.1"
    for command in "${commands[@]}"; do
        "$pgkeep" help "$command" --man >"$pages/pgkeep-$command.1"
    done
    exit 0
fi
"$pgkeep" help --man | cmp - "$pages/pgkeep.1"
for command in "${commands[@]}"; do
    "$pgkeep" help "$command" --man | cmp - "$pages/pgkeep-$command.1"
    # Read to the end: who writes more than a reader wants fails.
    [[ $("$pgkeep" help "$command") == "usage: pgkeep $command"* ]]
    [[ $("$pgkeep" "$command" --help) == "usage: pgkeep $command"* ]]
done
[[ $(find "$pages" -name '*.1' | wc -l) -eq $((${#commands[@]} + 1)) ]] || {
    echo "docs/man holds pages of no command"
    exit 1
}
echo "ok: ${#commands[@]} commands, their help and their man pages"
