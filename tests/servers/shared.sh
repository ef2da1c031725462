# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For whoever starts test servers: ports, and what `env` of a server says.

# The first of COUNT free ports in a row, below those that the system gives away by itself.
free_ports() { # COUNT
    local port tries i
    for ((tries = 0; tries < 200; tries++)); do
        port=$((20000 + RANDOM % 12000))
        for ((i = 0; i < $1; i++)); do
            ! (exec 3<>"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null || continue 2
        done
        echo "$port"
        return 0
    done
    echo 'no free ports' >&2
    return 1
}

# What a server says is needed to reach it becomes the environment.
take_env() { # SERVER FOLDER
    local line
    while IFS= read -r line; do
        export "${line?}"
    done < <("$(dirname "${BASH_SOURCE[0]}")/$1" env "$2")
}
