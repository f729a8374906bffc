# Every target installs what it needs and does nothing that is done already.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV ?= .venv
SERVE ?= 1
WORKERS ?= auto
HOST ?= 127.0.0.1
PORT ?= 8000
UV_VERSION := 0.13.8

bin := $(VENV)/bin
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.runtime ## Install PostGIS (Debian/Ubuntu, as root or with sudo) and the locked Python packages
	@scripts/install-system postgis

demo: setup ## Load sample_data/, evaluate, print the scoreboard, serve on port 8000 (SERVE=0: only do it)
	@$(bin)/qingjiang demo $(if $(filter 0,$(SERVE)),--no-serve,--host $(HOST) --port $(PORT))

test: $(VENV)/.dev ## Run the whole suite against a real PostGIS and a real headless browser (WORKERS=0: in one process)
	@scripts/install-system postgis browser
	@$(bin)/pytest --numprocesses=$(WORKERS) --maxprocesses=4 --dist=loadfile $(ARGS)

lint: $(VENV)/.dev ## Format check, ruff, mypy strict, import contracts
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/mypy
	@$(bin)/lint-imports --verbose 2>&1 | tail -n 12

bench: $(VENV)/.bench ## Measure the figures of benchmarks/README.md
	@scripts/install-system postgis
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; $(bin)/python $$script; done

lock: ## Resolve the requirements again (hashes, no index addresses)
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv==$(UV_VERSION)
	@PATH=$(VENV)-lock/bin:$$PATH $(COMPILE) pyproject.toml --group build -o requirements/runtime.txt >/dev/null
	@PATH=$(VENV)-lock/bin:$$PATH $(COMPILE) -c requirements/runtime.txt pyproject.toml --group build --group dev \
		-o requirements/dev.txt >/dev/null
	@PATH=$(VENV)-lock/bin:$$PATH $(COMPILE) -c requirements/dev.txt --group bench -o requirements/bench.txt >/dev/null
	@rm -rf $(VENV)-lock

clean: ## Stop the embedded database and remove everything that was built, data included
	@if [ -x $(bin)/python ]; then $(bin)/python -c 'from api.settings import Settings; from models.cluster import remove_cluster; remove_cluster(Settings().home)'; fi
	@rm -rf $(VENV) .qingjiang build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One virtual environment; a stamp says which lock file it holds, so that a changed lock installs again.
$(VENV)/.venv:
	@scripts/install-system python
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qingjiang: Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.venv requirements/runtime.txt pyproject.toml
	@echo "installing the locked Python packages …" >&2
	@$(bin)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(bin)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@$(bin)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements/bench.txt
	@$(bin)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

.PHONY: help setup demo test lint bench lock clean
