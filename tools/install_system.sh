#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install the programs that the tests run beside ours, where apt may; say what is missing where not.
# A test that needs a missing one fails and names it: none is skipped.
set -euo pipefail

missing=()
want() { # PACKAGE PATH…: the package is there if one of the paths is
    local package=$1 path
    shift
    for path in "$@"; do
        if command -v "$path" >/dev/null || compgen -G "$path" >/dev/null; then return; fi
    done
    missing+=("$package")
}

want gcc cc gcc
want libssl-dev /usr/include/openssl/evp.h
want libnghttp2-14 '/usr/lib/*/libnghttp2.so.14*' '/lib/*/libnghttp2.so.14*'
want strace strace
want postgresql '/usr/lib/postgresql/*/bin/initdb' initdb
want nginx-light /usr/sbin/nginx nginx

[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]} with apt"
    apt-get update -qq
    # No service is started: the tests start what they need, on loopback, and stop it.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "missing: ${missing[*]} (install them, e.g. apt-get install ${missing[*]}); tests that need them will fail" >&2
fi
