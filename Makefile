# Two commands set up everything: `make train` and `make test`. Python 3.11+ and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A process a core. Tests of a file that share what took long to make stay together.
PYTEST := $(BIN)/python -m pytest -q -n auto --dist
# Its theme announces its successor at every start.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Threads of several processes that wait for each other without spinning share few cores better.
export GOMP_SPINCOUNT ?= 0

.PHONY: train demo test test-slow benchmark lint types docs docs-serve clean

train: $(VENV)/.recipes
	$(BIN)/python recipes/anonygan/train.py

# A photo, anonymised by the weights that are shipped: before, after, numbers.
demo: $(VENV)/.demo
	$(BIN)/python recipes/anonygan/demo.py

# The import hook that checks shapes breaks torch.compile(fullgraph=True) and answers bad input
# before the library can: those tests run in a process of their own, without it.
test: $(VENV)/.dev
	$(PYTEST) loadfile -m "not unhooked and not slow" --jaxtyping-packages=graphgan,beartype.beartype
	$(PYTEST) worksteal -m "unhooked and not slow"

test-slow: $(VENV)/.dev
	$(PYTEST) loadfile -m "slow"

benchmark: $(VENV)/.recipes
	$(BIN)/python benchmarks/run.py

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

# The site, as a folder of pages that need no server: site/index.html. A broken link fails.
docs: $(VENV)/.docs
	$(MKDOCS) build --strict

docs-serve: $(VENV)/.docs
	$(MKDOCS) serve --no-strict

$(VENV)/.recipes: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[recipes]"
	touch $@

$(VENV)/.demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[recipes]"
	touch $@ $(VENV)/.recipes

$(VENV)/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/.recipes $(VENV)/.demo

$(VENV)/.docs: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e ".[docs]"
	touch $@

clean:
	rm -rf $(VENV)
