#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Write requirements.lock (what runs) and requirements-dev.lock (what tests and checks, too).
# grpcio-tools 1.74 generates code for protobuf 6 and 7 alike but itself wants protobuf 6.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "missing: uv (pip install uv)" >&2; exit 1; }
constraints=$(mktemp)
trap 'rm -f "$constraints"' EXIT
echo 'protobuf<7' >"$constraints"
options=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
    --no-header --no-annotate --quiet)
uv pip compile "${options[@]}" pyproject.toml --extra sidecar --group build \
    --constraint "$constraints" --output-file requirements.lock
uv pip compile "${options[@]}" pyproject.toml --extra sidecar --extra gmssl --extra postgresql --extra national-tls \
    --extra opentelemetry \
    --group build --group test --group lint --constraint requirements.lock \
    --output-file requirements-dev.lock
