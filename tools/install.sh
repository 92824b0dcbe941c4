#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install the lock file given into .venv/, every package checked against its hash, then this project.
set -euo pipefail
cd "$(dirname "$0")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

echo "installing the packages of $1 (once)"
quiet() { "$@" 2> >(grep -v '^WARNING: ' >&2); }
quiet .venv/bin/python -m pip install --quiet --require-hashes --requirement "$1"
quiet .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
