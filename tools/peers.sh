#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install a peer of the benchmarks into .venv/peers/NAME, an environment of its own, at the version
# and hashes that bench/peers/ pins: tools/peers.sh cedarpy|regopy|cerbos|h2load. Done once; run
# again, it does nothing. Ends with 1, and says why in its last line, where it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1
name=${1:?name a peer}
target=.venv/peers/$name
mkdir -p .venv/peers
exec 9>".venv/peers/$name.lock"
flock 9

give_up() {
    echo "$*" >&2
    exit 1
}

python_peer() { # The package is the peer.
    [ "$target/.ready" -nt "bench/peers/$name.lock" ] && exit 0
    .venv/bin/python -m venv "$target" || give_up "no environment could be made"
    "$target/bin/python" -m pip install --quiet --require-hashes --no-deps \
        --requirement "bench/peers/$name.lock" 2> >(grep -v '^WARNING: ' >&2) ||
        give_up "pip could not install it"
    touch "$target/.ready"
}

npm_peer() { # The lock file is the peer's, with hashes and without addresses.
    [ "$target/.ready" -nt "bench/peers/$name/package-lock.json" ] && exit 0
    command -v npm >/dev/null || give_up "npm is missing"
    mkdir -p "$target"
    cp "bench/peers/$name/"package*.json "$target/"
    npm ci --prefix "$target" --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
        give_up "npm could not install it"
    touch "$target/.ready"
}

system_peer() { # COMMAND PACKAGE
    command -v "$1" >/dev/null && exit 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then give_up "install $2 first"; fi
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "$2"; } >/dev/null 2>&1 || give_up "apt could not install $2"
}

case $name in
    cedarpy | regopy) python_peer ;;
    cerbos) npm_peer ;;
    h2load) system_peer h2load nghttp2-client ;;
    opa) give_up "no package that is installed by hash carries its server" ;;
    *) give_up "no peer is called $name" ;;
esac
