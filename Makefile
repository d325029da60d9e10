# What people type. Each target sets up what it needs: Python 3.11 or later and make are enough.
PYTHON ?= python3
PORT ?= 8001
VENV := .venv
BIN := $(VENV)/bin
REQUIREMENTS := server/requirements

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format bench openapi requirements clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## Install everything for development into .venv/

run: $(VENV)/.run ## Make the demo in .demo/ and serve it (PORT=8001)
	@$(BIN)/learntrac demo .demo --port $(PORT)

test: $(VENV)/.dev ## Run every test, on SQLite and on PostgreSQL, with coverage
	cd server && ../$(BIN)/python -m slipcover --json --out .coverage.json -m pytest -n auto
	cd server && ../$(BIN)/python -m tests.coverage_gates .coverage.json

lint: $(VENV)/.dev ## Check style, types and who imports whom
	cd server && ../$(BIN)/ruff check . ../benchmarks && ../$(BIN)/ruff format --check . ../benchmarks
	cd server && ../$(BIN)/mypy
	cd server && ../$(BIN)/lint-imports --config .importlinter

format: $(VENV)/.dev ## Put the code into its form
	cd server && ../$(BIN)/ruff check --fix -q . ../benchmarks; ../$(BIN)/ruff format -q . ../benchmarks

bench: $(VENV)/.dev ## Print the benchmarks' figures (some minutes)
	$(BIN)/python -m benchmarks.run_all

openapi: $(VENV)/.run ## Write docs/openapi.json anew
	$(BIN)/learntrac openapi > docs/openapi.json

requirements: $(VENV)/.dev ## Compile the pinned requirements anew
	cd server && ../$(BIN)/python requirements/compile.py

clean: ## Remove what make made, but not the demo
	rm -rf $(VENV) server/.mypy_cache server/.ruff_cache server/.pytest_cache server/.hypothesis server/.coverage.json

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "LearnTrac needs Python 3.11 or later; this is `$(PYTHON) --version`. Try: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python $(REQUIREMENTS)/run.txt server/pyproject.toml
	@echo "Installing LearnTrac into $(VENV) (half a minute, once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(REQUIREMENTS)/run.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e server
	@touch $@

$(VENV)/.dev: $(VENV)/.run $(REQUIREMENTS)/dev.txt
	@echo "Installing the development tools into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(REQUIREMENTS)/dev.txt
	@touch $@
