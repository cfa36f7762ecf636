# Two commands set up everything: `make train` and `make test`. Python 3.11+ and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A process a core. Tests of a file that share what took long to make stay together.
PYTEST := $(BIN)/python -m pytest -q --durations 20 -n auto --dist
# Rooms whose shapes the quick tests check: blocks and what is measured.
CHECKED := graphgan.layers,graphgan.losses,graphgan.landmarks,graphgan.models,graphgan.metrics
# Its theme announces its successor at every start.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Threads of several processes that wait for each other without spinning share few cores better.
export GOMP_SPINCOUNT ?= 0

.PHONY: train demo test test-all benchmark lint types docs docs-serve clean

train: $(VENV)/.recipes
	$(BIN)/python recipes/anonygan/train.py

# A photo, anonymized by the weights that are shipped: before, after, numbers.
demo: $(VENV)/.demo
	$(BIN)/python recipes/anonygan/demo.py

# The import hook that checks shapes breaks torch.compile(fullgraph=True) and answers bad input
# before the library can: those tests run in processes of their own, without it.
test: $(VENV)/.dev
	$(PYTEST) loadfile -m "not (unhooked or slow or heavy)" --jaxtyping-packages=$(CHECKED),beartype.beartype
	$(PYTEST) worksteal -m "unhooked and not (slow or heavy)"

# All tests, all shapes, more examples. What trains or counts seconds goes last, one after the other.
test-all: $(VENV)/.dev
	$(PYTEST) loadfile -m "not (unhooked or heavy)" --hypothesis-profile full --jaxtyping-packages=graphgan,beartype.beartype
	$(PYTEST) worksteal -m "unhooked and not heavy" --hypothesis-profile full
	$(BIN)/python -m pytest -q --durations 20 -m heavy

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
