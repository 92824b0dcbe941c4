#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Find a Python, make .venv/, and check OpenSSL. Installs what is missing with apt where that is
# allowed, and says in one sentence what to install where it is not.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
    local name
    for name in "${PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        [ -n "$name" ] || continue
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $* with apt"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
    else
        echo "missing: $* (install it, e.g. apt-get install $*, and run make again)" >&2
        exit 1
    fi
}

python=$(find_python) || { install python3 python3-venv; python=$(find_python); } ||
    { echo "missing: Python 3.11 or newer (set PYTHON=… if it has another name)" >&2; exit 1; }
"$python" -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
command -v openssl >/dev/null || install openssl
case "$(openssl version)" in
    "OpenSSL 3"* | "OpenSSL 4"*) ;;
    *) echo "missing: OpenSSL 3 ($(openssl version) is here); SM2 signing falls back to a slower library" >&2 ;;
esac
echo "making .venv with $("$python" --version)"
"$python" -m venv .venv
