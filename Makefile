# Needs GNU make 3.81 or later, the one that comes with macOS.
#
#   PYTHON=python3.12   the Python that .venv is made with (any 3.11 to 3.13)
#   TORCH_INDEX=URL     a further package index to take torch from. On Linux the registry's own torch
#                       brings CUDA libraries of some 3 GB. A machine without an NVIDIA card can take
#                       the CPU-only build from the index that pytorch.org names for it. The versions
#                       stay pinned either way.
#   WORKERS=3           how many processes the tests run in; each takes 1 to 2 GB of memory
#   CHANGED=1           leave out chapters of which nothing changed since they passed here

VENV := .venv
BIN := $(VENV)/bin
# Warnings are errors. An incremental build does not repeat the warnings of pages that it does not
# read again, so a build that failed leaves nothing behind to start from.
BUILD := $(BIN)/jupyter-book build . -W -n --keep-going -q
# One more than two cores: a third of the time a test waits, for a browser or a process that it ended.
WORKERS := 3
# Tests go to whichever process is free. One thread in each: more would fight over the cores.
PYTEST := $(if $(CHANGED),MI_COURSE_ONLY_CHANGED=1) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
LINT := $(BIN)/ruff check && $(BIN)/ruff format --check --quiet && $(BIN)/mypy && $(BIN)/codespell
export PYTHON TORCH_INDEX

.PHONY: help book test test-all lint screenshots wheel lock clean clean-all

help: ## show this list
	@sed -n -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' Makefile | \
		while IFS='|' read -r name text; do printf '%-20s %s\n' "$$name" "$$text"; done

book: $(VENV)/.installed-book ## build the site; installs what that needs, without torch
	@$(BUILD) || { rm -rf _build/.doctrees; exit 1; }
	@echo "The first page: $(CURDIR)/_build/html/index.html"

# What ruff and mypy say comes while the tests run: alone they would take half a minute.
test: $(VENV)/.installed-dev ## install everything, lint, and run every test but the slow ones
	@($(LINT)) & lint=$$!; \
		$(PYTEST) -m "not slow"; tests=$$?; \
		wait $$lint || { echo "make lint failed: see above"; exit 1; }; exit $$tests

test-all: $(VENV)/.installed-dev lint ## run the slow tests too
	@$(PYTEST)

lint: $(VENV)/.installed-dev ## ruff, mypy and spelling
	@$(LINT)

screenshots: $(VENV)/.installed-dev ## pictures of every page in _build/screenshots
	@$(BIN)/python tests/book/site/screenshots.py

wheel: $(VENV)/.installed-dev ## build dist/*.whl, learners' notebooks included
	@requirements/wheel.sh $(BIN)/python dist

lock: $(VENV)/.installed-book ## pin requirements/*.txt anew from pyproject.toml
	@requirements/lock.sh $(BIN)/python

clean: ## remove what was built
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache
	find code tests -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean ## remove .venv too
	rm -rf $(VENV)

# A venv whose Python was removed counts as missing: make follows the link.
$(BIN)/python:
	@requirements/install.sh venv

$(VENV)/.installed-book: $(BIN)/python requirements/book.txt requirements/install.sh
	@requirements/install.sh book

$(VENV)/.installed-dev: $(BIN)/python requirements/dev.txt requirements/smollm2.txt pyproject.toml requirements/install.sh
	@requirements/install.sh dev
	@touch $(VENV)/.installed-book
