# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` need a machine with Python 3.11 or newer, git, make and OpenSSL 3.
# Everything else is installed into .venv/, at the versions and hashes of the lock files.

.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
SOURCES := govshare_policy sidecar/govshare_sidecar tests tools examples bench

.PHONY: help demo test lint format bench soak nightly coverage proto lock clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.ready ## Run the main job end to end: departments, sidecars, a day of calls, the log verified
	@$(BIN)/python -m examples.county

test: .venv/.ready-dev ## Run the whole test suite
	@$(BIN)/python -m pytest -n auto --dist worksteal

lint: .venv/.ready-dev ## Check style, types, import contracts and generated code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/python tools/gen_proto.py --check
	$(BIN)/buf lint proto
	$(BIN)/buf breaking proto --against proto/baseline.binpb
	$(BIN)/python tools/check_docs.py

format: .venv/.ready-dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.ready-dev ## Measure beside every peer, forty minutes at most (BENCH="--quick" six; BENCH="--only NAME"; BENCH="--draw")
	@$(BIN)/python -m bench $(BENCH)

soak: .venv/.ready-dev ## Take hours: every fault at every system call, then ten million records (SOAK="--seed N --directory DIR")
	GOVSHARE_SOAK=1 $(BIN)/python -m pytest tests/faults tests/tamper tests/conformance
	$(BIN)/python -m tests.soak $(SOAK)

nightly: .venv/.ready-dev ## Take half an hour: a million calls while what decides is reloaded once a second
	NIGHTLY_CALLS=1000000 $(BIN)/python -m pytest tests/e2e/test_reload.py
	GOVSHARE_NIGHTLY=1 $(BIN)/python -m pytest tests/property/test_engine.py

coverage: .venv/.ready-dev ## Run the tests and report branch coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --skip-covered --sort=cover

proto: .venv/.ready-dev ## Generate the protobuf code again
	$(BIN)/python tools/gen_proto.py

lock: ## Resolve the dependencies again (needs uv)
	@tools/lock.sh

clean: ## Remove what the targets above made
	rm -rf .venv demo-data .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage

.venv/.made: tools/bootstrap.sh
	@tools/bootstrap.sh
	@touch $@

.venv/.ready: .venv/.made requirements.lock pyproject.toml
	@tools/install.sh requirements.lock
	@touch $@

.venv/.ready-dev: .venv/.made requirements-dev.lock pyproject.toml tools/install_system.sh
	@tools/install_system.sh
	@tools/install.sh requirements-dev.lock
	@touch $@ .venv/.ready
