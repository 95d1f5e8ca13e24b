# Everything a person or the continuous integration runs by one word. `make demo` and `make test` work in a fresh clone.
PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=

BIN := $(VENV)/bin
READY := $(VENV)/.propmat-ready

# Threads that wait should sleep: numba and torch share the cores.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: setup demo test test-all lint bench

setup: $(READY)

$(READY): pyproject.toml constraints-cpu.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install $(PIP_FLAGS) -e '.[dev]' -c constraints-cpu.txt
	touch $@

demo: $(READY)
	$(BIN)/python scripts/demo.py

test: $(READY)
	$(BIN)/python -m pytest -m "not slow and not gpu and not slurm"

test-all: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Each benchmark prints its figures and a verdict; the target fails if one of them misses.
bench: $(READY)
	@missed=""; for script in scripts/benchmarks/*.py; do \
		echo "== $$script"; $(BIN)/python $$script || missed="$$missed $$script"; \
	done; if [ -n "$$missed" ]; then echo "missed:$$missed"; exit 1; fi
