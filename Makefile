# Two commands matter: `make demo` and `make test`. Everything else serves them.
# Stamps in .stamps/ remember what is installed and built, so that a second run takes seconds.

PYTHON ?= python3
# Of the tests; 1 with DATABASE_URL, where they would share a server and the journal waits for all that is open on it.
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
export PIP_DISABLE_PIP_VERSION_CHECK := 1

FRONTEND := package.json package-lock.json tsconfig.json $(shell find frontend -type f 2>/dev/null)
CATALOGUES := $(shell find src -name '*.po' 2>/dev/null)

.PHONY: setup demo test lint unit e2e bench shots lock messages clean help

help: ## what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 12

setup: .stamps/runtime .stamps/frontend .stamps/messages ## everything the program needs: dependencies, front end, translations

demo: setup ## the demo county, on the embedded database (PORT=, HJ212_PORT=, LINGXIU_HOME= move it aside)
	@exec $(BIN)/lingxiu demo

test: lint unit ## lint, then every test, the browser's included

lint: .stamps/dev .stamps/frontend .stamps/messages ## ruff, mypy, import-linter, tsc, templates, translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm run --silent typecheck
	$(BIN)/python tools/messages.py check
	$(BIN)/lingxiu policy check

unit: .stamps/dev .stamps/frontend .stamps/messages .stamps/chromium .stamps/mosquitto
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(ARGS)

e2e: .stamps/dev .stamps/frontend .stamps/messages .stamps/chromium ## the tests that drive Chromium
	$(BIN)/pytest -m browser $(ARGS)

bench: .stamps/dev .stamps/frontend .stamps/messages .stamps/chromium ## every benchmark, quickly
	@for name in $$($(BIN)/lingxiu bench --list); do $(BIN)/lingxiu bench $$name --quick || exit 1; done

shots: .stamps/dev .stamps/frontend .stamps/messages .stamps/chromium ## pictures of every page into .shots/
	$(BIN)/python tools/shots.py

lock: ## pin every dependency again, with hashes
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --upgrade pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra dev --upgrade pyproject.toml -o requirements/dev.txt

messages: .stamps/dev ## collect msgids from code and templates into the catalogue
	$(BIN)/python tools/messages.py extract

clean: ## forget everything made (the demo's data stay where LINGXIU_HOME is)
	rm -rf $(VENV) .stamps node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .shots \
	  src/lingxiu/ui/static/built src/lingxiu/ui/built_fonts src/*.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }

.stamps/runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@mkdir -p .stamps
	$(BIN)/python -m pip install -q --require-hashes -r requirements/runtime.txt
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.stamps/dev: requirements/dev.txt .stamps/runtime
	$(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

.stamps/node: package.json package-lock.json
	@mkdir -p .stamps
	@command -v npm >/dev/null || { echo "Node.js 20 or newer is needed: apt-get install nodejs npm"; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.stamps/frontend: .stamps/node $(FRONTEND)
	npm run --silent build
	@touch $@

.stamps/messages: .stamps/runtime $(CATALOGUES)
	$(BIN)/python tools/messages.py compile
	@touch $@

.stamps/chromium: | .stamps/dev
	$(BIN)/python tools/chromium.py
	@touch $@

.stamps/mosquitto: | .stamps/dev
	$(BIN)/python tools/mosquitto.py
	@touch $@
