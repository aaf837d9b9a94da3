# Two commands do all: `make up` runs the system and keeps it running, `make test` passes the tests.
# Needs: make, and Python 3.11 to 3.13 with its venv module (Debian and Ubuntu: python3-venv).

SHELL := /bin/bash
PYTHON ?= $(shell for one in python3.11 python3.12 python3.13 python3; do command -v $$one && break; done)
export SOCCER_HOME ?= $(CURDIR)/.soccer
# Of the tests: one more than the cores of a small machine, because tests often wait for servers and daemons.
PROCESSES ?= 3

# Whatever is written lies in .venv or below SOCCER_HOME.
CACHE := $(SOCCER_HOME)/cache
export PIP_CACHE_DIR := $(CACHE)/pip
export PYTHONPYCACHEPREFIX := $(CACHE)/pycache
# Compiled files go there even where the user forbids them: a process starts 3 s sooner with them.
export PYTHONDONTWRITEBYTECODE :=
export NUMBA_CACHE_DIR := $(CACHE)/numba
export MPLCONFIGDIR := $(CACHE)/matplotlib
export MYPY_CACHE_DIR := $(CACHE)/mypy
export RUFF_CACHE_DIR := $(CACHE)/ruff
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
export PIP_DISABLE_PIP_VERSION_CHECK := 1
BIN := .venv/bin
LOG := $(CACHE)/install.log
PIP_INSTALL = mkdir -p "$(CACHE)/tmp" && TMPDIR="$(CACHE)/tmp" $(BIN)/python -m pip install --progress-bar off
LOGGED = >> "$(LOG)" 2>&1 || { tail -n 20 "$(LOG)"; exit 1; }

# One solution for all: what the lock files named in $(1) hold binds the solver, and is not written again.
SOLVE = UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--python-version 3.11 pyproject.toml --extra pipeline --extra serving --group build
ADDED_TO = $(addprefix -c ,$(1)) $$(sed -n 's/^\([a-z0-9][^=]*\)==.*/--no-emit-package \1/p' $(1))

.PHONY: up install test check trial containers sbom digests lock audit pictures

up: install  ## start everything, build what is missing, keep it running (ARGS="--once", "--mlflow-ui")
	@exec $(BIN)/soccer up $(ARGS)

install: .venv/.installed  ## make .venv and install what `make up` needs

test: .venv/.installed-dev  ## run the tests
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

trial: .venv/.installed-bench  ## soak, load and long faults, and every benchmark at full size
	$(BIN)/python -m pytest -m trial --timeout 3600 $(ARGS)

containers: .venv/.installed-dev  ## run the deployment in a real container engine, with faults (needs root on Debian)
	$(BIN)/python -m tests.containers $(ARGS)

sbom: .venv/.installed-dev  ## write what the images of docs/how-to/deploy.md hold into .soccer/sbom (needs the engine)
	$(BIN)/python deploy/containers/sbom.py "$(SOCCER_HOME)/sbom" \
		$$(sed -n 's/^ *image: \(soccer-assets.*\)/\1/p' docker-compose.yml | sort -u)

# The project's own images are built here and stand in no registry.
OF_OTHERS := import json, sys; found = json.load(sys.stdin)["services"]; \
	print(json.dumps({"services": {name: {"image": one["image"]} for name, one in found.items() if "soccer-assets/" not in one["image"]}}))

digests:  ## ask the registries for the digests of the servers' images and write docker-compose.digests.yml
	@mkdir -p "$(SOCCER_HOME)"
	docker compose config --format json | $(PYTHON) -c '$(OF_OTHERS)' > "$(SOCCER_HOME)/images.json"
	docker compose --file "$(SOCCER_HOME)/images.json" config --lock-image-digests > "$(SOCCER_HOME)/digests.yml"
	mv "$(SOCCER_HOME)/digests.yml" docker-compose.digests.yml

check: .venv/.installed-dev  ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir $(CACHE)/import-linter

pictures: .venv/.installed-dev  ## take the pictures of the documents anew (needs Chromium)
	@$(BIN)/python docs/take_pictures.py

lock:  ## write the lock files anew (needs uv); each holds what it adds to those before it
	$(SOLVE) -o requirements.lock
	$(SOLVE) --extra fleet $(call ADDED_TO,requirements.lock) -o requirements-fleet.lock
	$(SOLVE) --extra fleet --extra kubernetes $(call ADDED_TO,requirements.lock requirements-fleet.lock) \
		-o requirements-kubernetes.lock
	$(SOLVE) --extra fleet --extra kubernetes --extra dev \
		$(call ADDED_TO,requirements.lock requirements-fleet.lock requirements-kubernetes.lock) -o requirements-dev.lock
	$(SOLVE) --extra fleet --extra kubernetes --extra dev --extra bench \
		$(call ADDED_TO,requirements.lock requirements-fleet.lock requirements-kubernetes.lock requirements-dev.lock) \
		-o requirements-bench.lock
	@sed -i '/^# The following packages were excluded/,$$d' requirements-fleet.lock requirements-kubernetes.lock \
		requirements-dev.lock requirements-bench.lock

audit:  ## ask the advisory database of PyPI about every locked package (needs uv); one that it cannot answer for fails
	uvx pip-audit@2.10.1 --strict --disable-pip --require-hashes $(addprefix -r ,requirements.lock requirements-fleet.lock \
		requirements-kubernetes.lock requirements-dev.lock requirements-bench.lock)

.venv/bin/python:
	@[ -n "$(PYTHON)" ] || { echo "no python3 found: install Python 3.11, 3.12 or 3.13"; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "$(PYTHON) is not Python 3.11 to 3.13: name one with make PYTHON=/path/to/python3.11"; exit 1; }
	@mkdir -p "$(CACHE)"
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; echo "python3-venv is missing: install it (Debian: apt install python3-venv)"; exit 1; }

.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "installing $$(grep -c '^[a-z].*==' requirements.lock) packages into .venv: one to three minutes ..."
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements.lock $(LOGGED)
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e . $(LOGGED)
	@awk '/^ *Downloading /{gsub(/[()]/,""); f=$$NF=="kB"?1e-3:$$NF=="MB"?1:1e-6; mb+=$$(NF-1)*f} \
		END{printf "downloaded %.0f MB, ", mb}' "$(LOG)"; echo "installed $$(du -sh .venv | cut -f1)"
	@touch $@

.venv/.installed-bench: requirements-bench.lock .venv/.installed-dev
	@echo "installing what the benchmarks compare with ..."
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements-bench.lock $(LOGGED)
	@touch $@

.venv/.installed-dev: requirements-dev.lock requirements-fleet.lock requirements-kubernetes.lock .venv/.installed
	@echo "installing what the tests need ..."
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements-fleet.lock -r requirements-kubernetes.lock $(LOGGED)
	@$(PIP_INSTALL) --no-deps --require-hashes -r requirements-dev.lock $(LOGGED)
	@touch $@
