# medwh: `make demo` and `make test` are all a fresh machine needs (Python >= 3.11 and make).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SERVE  ?= 1
# PyTorch's build: default = the package registry's (CUDA on Linux), cpu = PyTorch's own CPU index.
TORCH  ?= $(or $(shell cat $(VENV)/.torch 2>/dev/null),default)

# Tests run side by side, each worker with a PostgreSQL server of its own; `-n 0` for one after another.
WORKERS := --numprocesses auto --maxprocesses 4 --dist worksteal

PIP    := $(BIN)/python -m pip --disable-pip-version-check install --constraint requirements.lock
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo up import test lint format bench docs pictures lock clean setup

help:  ## Show the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(READY)  ## Run the bundled sample through everything, then serve (SERVE=0: end after the report)
	@$(BIN)/medwh demo $(if $(filter 0,$(SERVE)),--no-serve)

up: $(READY)  ## Serve the Dagster UI, the daemon and the API
	@$(BIN)/medwh up

import: $(READY)  ## Import your own history and build it: FROM=path [CHAT="Title=username"]
	@test -n "$(FROM)" || { echo 'Say what to import: make import FROM="path" [CHAT="Title=username"]'; exit 1; }
	@$(BIN)/medwh import "$(FROM)" $(if $(CHAT),--chat "$(CHAT)")
	@$(BIN)/medwh run

test: $(READY) lint  ## Run the lint gates and the whole test suite
	@$(BIN)/python -m pytest $(WORKERS) $(PYTEST_ARGS)

lint: $(READY)  ## Run the lint gates alone
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint --disable-progress-bar medwh_dbt/models medwh_dbt/tests
	@if [ -x $(BIN)/hadolint ]; then $(BIN)/hadolint Dockerfile; fi

format: $(READY)  ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(READY)  ## Measure, and print the tables that the README quotes
	@$(BIN)/python -m tests.bench

docs: $(READY)  ## Describe every table and column in one page, for any browser
	@$(BIN)/medwh docs

pictures: $(READY)  ## Take the README's screenshots (needs Chromium)
	@MEDWH_PICTURES=$(CURDIR)/.github/pictures $(BIN)/python -m pytest tests/integration/pipeline/test_browser.py

setup: $(READY)  ## Only set up the virtual environment

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "medwh needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Set PYTHON=python3.12, say."; exit 1; }
	@case "$(TORCH)" in default|cpu) ;; *) echo "TORCH is '$(TORCH)': set TORCH=cpu or TORCH=default."; exit 1;; esac
	@if [ "$(TORCH)" = cpu ]; then \
	  echo "Setting up $(VENV): about 0.5 GB to fetch, 2 GB on disk (PyTorch for the CPU, from download.pytorch.org)."; \
	elif [ "$$(uname -s)" = Linux ]; then \
	  echo "Setting up $(VENV): about 3 GB to fetch, 7 GB on disk, because the registry's PyTorch for Linux carries CUDA."; \
	  echo "No GPU? Press Ctrl-C and use TORCH=cpu: about 0.5 GB to fetch, 2 GB on disk."; \
	else \
	  echo "Setting up $(VENV): about 0.5 GB to fetch, 2 GB on disk."; \
	fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@if [ "$(TORCH)" = cpu ]; then \
	  $(PIP) --quiet --no-deps --index-url https://download.pytorch.org/whl/cpu torch torchvision; fi
	@$(PIP) --quiet --editable '.[detection,api,parquet,s3,dev]'
	@echo $(TORCH) > $(VENV)/.torch
	@touch $@

lock:  ## Resolve the newest allowed versions into requirements.lock (PyTorch's pair stays)
	@rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	@grep -E '^torch(vision)?==' requirements.lock > $(VENV)-lock/pair.txt
	@$(VENV)-lock/bin/python -m pip install --quiet --constraint $(VENV)-lock/pair.txt '.[detection,api,parquet,s3,dev]'
	@{ sed '/^$$/q' requirements.lock; \
	   $(VENV)-lock/bin/python -m pip freeze --exclude medwh --exclude setuptools | sed 's/+cpu$$//' | grep -v '^nvidia-[^m]'; \
	 } > requirements.new && mv requirements.new requirements.lock && rm -rf $(VENV)-lock

clean:  ## Remove the virtual environment and caches; data stays
	@rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
