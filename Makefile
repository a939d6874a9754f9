# The commands of this repository. `make demo` and `make test` need only Python >= 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# One more than the processors of a small machine: tests of processes wait for them a good part of their time.
TEST_WORKERS ?= 3
export MASTIC_RUNTIMES_DIR ?= $(CURDIR)/.runtimes
unexport AWS_PROFILE

.PHONY: demo test test-k check format up bench docs lock setup setup-dev runtimes clients fuzz clean

demo: setup                ## the whole pipeline on this machine
	$(BIN)/mastic demo

test: setup-dev runtimes clients   ## the whole suite, as CI runs it
	$(BIN)/pytest -n $(TEST_WORKERS) --dist loadgroup tests

test-k: setup-dev          ## part of the suite: make test-k K=partitions
	$(BIN)/pytest -n $(TEST_WORKERS) --dist loadgroup tests -k "$(K)"

check: setup-dev           ## format, lint, types, import contracts
	$(BIN)/ruff format --check src packages tests benchmarks
	$(BIN)/ruff check src packages tests benchmarks
	$(BIN)/mypy
	PYTHONPATH=packages/awsglue $(BIN)/lint-imports

format: setup-dev
	$(BIN)/ruff format src packages tests benchmarks
	$(BIN)/ruff check --fix src packages tests benchmarks

up: setup                  ## a server on 127.0.0.1:4566
	$(BIN)/mastic up

bench: setup-dev runtimes  ## measurements; writes nothing, prints the figures
	$(BIN)/python -m benchmarks

fuzz: setup-dev            ## ten minutes of hostile requests; make fuzz FUZZ="--seed 1 --operation table"
	$(BIN)/python -m tests.wire.fuzzing $(FUZZ)

docs: setup-dev            ## the pages that are made from the code
	$(BIN)/python -m mastic.coverage > docs/coverage.md

LOCK := $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
LOCKS := src/mastic/executors/locks

lock: $(UV)                ## newest versions that the requirements allow, pinned with hashes
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(LOCK) --upgrade --extra sail --extra databases --extra documents --extra formats --extra streams --extra delta --extra hudi --extra ml --extra provided packages/awsglue/pyproject.toml -o $(LOCKS)/sail.txt
	$(LOCK) --upgrade --extra spark35 --extra databases --extra documents --extra formats --extra streams --extra delta --extra hudi --extra ml --extra provided packages/awsglue/pyproject.toml -o $(LOCKS)/spark-3.5.txt
	$(LOCK) --upgrade --no-deps $(LOCKS)/spark-3.5.bare.in -o $(LOCKS)/spark-3.5.bare.txt
	$(LOCK) --upgrade --extra spark41 --extra databases --extra documents --extra formats --extra streams --extra delta --extra hudi --extra ml --extra provided packages/awsglue/pyproject.toml -o $(LOCKS)/spark-4.1.txt
	$(LOCK) --upgrade --no-deps $(LOCKS)/spark-4.1.bare.in -o $(LOCKS)/spark-4.1.bare.txt
	$(LOCK) --upgrade --extra ray --extra databases --extra formats packages/awsglue/pyproject.toml -o $(LOCKS)/ray.txt
	$(LOCK) --upgrade $(LOCKS)/neighbours.in -o $(LOCKS)/neighbours.txt
	$(LOCK) --upgrade $(LOCKS)/analytics.in -o $(LOCKS)/analytics.txt
	$(LOCK) --upgrade -c $(LOCKS)/spark-3.5.txt $(LOCKS)/glueetl.in -o $(LOCKS)/glueetl.txt
	$(LOCK) --upgrade tests/clients/locks/awswrangler.in -o tests/clients/locks/awswrangler.txt
	$(LOCK) --upgrade tests/clients/locks/dbt.in -o tests/clients/locks/dbt.txt

setup: $(VENV)/.stamp

setup-dev: $(VENV)/.stamp-dev

runtimes: setup            ## the environments that jobs run in
	$(BIN)/mastic runtime install sail
	$(BIN)/mastic runtime install spark-3.5
	$(BIN)/mastic runtime install spark-4.1
	$(BIN)/mastic runtime install neighbours

clients: .clients/awswrangler/.stamp .clients/dbt/.stamp ## environments of outside clients that the tests drive

.clients/%/.stamp: tests/clients/locks/%.txt | $(UV)
	$(UV) venv -q --clear --python $(BIN)/python .clients/$*
	$(UV) pip install -q --python .clients/$*/bin/python --require-hashes -r $<
	touch $@

$(UV):
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Mastic needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check uv

$(VENV)/.stamp: requirements.lock pyproject.toml | $(UV)
	$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	touch $@

$(VENV)/.stamp-dev: requirements-dev.lock $(VENV)/.stamp
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements-dev.lock
	touch $@

clean:
	rm -rf $(VENV) .runtimes .clients build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
