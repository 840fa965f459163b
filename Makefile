# What there is to do with a checkout; `make` alone lists it. Needs python3 (3.11 or newer, with
# venv), git and GNU make, nothing else.

PYTHON ?= python3
RUNS ?= 5
EPOCHS ?= 50
DEVICE ?= cpu
LONG_GB ?= 2
SIMULATED ?= 500
STORE ?= memr.h5
METHOD ?= early
EACH ?= 1500
ROUNDS ?= 200
ONLY ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := demo
DEMO_OPTIONS := --store $(DEMO)/memr.h5 --out $(DEMO) --table
BENCHMARKS := tests/benchmarks
HOSTILE := tests/hostile
AUDIT := .venv-audit
RACES := start-up, reused, ingest, long, trainer, growth, memory, seeds, table
TOOLS := chromium jq
# A browser without any font draws pages without letters.
FONT := fonts-dejavu-core

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format bench simulate nested fuzz kills flips audit-deps tools clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  make install PYTHON=python3.12      with another Python"
	@echo "  make test ARGS='-k store'           with arguments for pytest"
	@echo "  make bench RUNS=1 EPOCHS=5          less than the 5 rounds and 50 epochs"
	@echo "  make bench ONLY='start-up ingest'   some of $(RACES)"
	@echo "  make bench DEVICE=cuda              memr's side on a GPU"
	@echo "  make bench LONG_GB=0.5              less than 2 GB of long sequences"
	@echo "  make simulate SIMULATED=100         fewer than 500 simulated experiments"
	@echo "  make fuzz EACH=100                  fewer than 1500 inputs for each test of made-up ones"
	@echo "  make kills ROUNDS=20                fewer than 200 kills of each command"

install: $(INSTALLED) ## Make .venv with memr in it, editable, every version pinned
	@echo "$$($(BIN)/memr --version) is installed: run $(BIN)/memr, or first . $(BIN)/activate"

# The pins hold for the packages that build memr too. Up to pip 25.2 a build reads the first
# variable, from then on the second; pip passes over one that it does not know.
$(INSTALLED): export PIP_CONSTRAINT = constraints.txt
$(INSTALLED): export PIP_BUILD_CONSTRAINT = constraints.txt
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "memr needs Python 3.11 or newer; name one: make install PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing memr and what it needs into $(VENV), which takes some minutes."
	@$(PYTHON) -m venv $(VENV)
	@test -t 1 && quiet= || quiet=--quiet; \
	  $(BIN)/python -m pip install --disable-pip-version-check $$quiet --editable '.[dev]'
	@touch $@

demo: $(INSTALLED) ## Show memr at work on a synthetic corpus, from features to a report
	@rm -rf $(DEMO)
	$(BIN)/memr synth $(DEMO)/raw
	$(BIN)/memr ingest $(DEMO)/raw $(DEMO_OPTIONS)
	$(BIN)/memr audit $(DEMO_OPTIONS)
	$(BIN)/memr evaluate $(DEMO_OPTIONS)
	$(BIN)/memr compare visual acoustic lexical early late $(DEMO_OPTIONS)
	$(BIN)/memr ablate early $(DEMO_OPTIONS)
	$(BIN)/memr report $(DEMO_OPTIONS)
	@echo
	@echo "The report is $(CURDIR)/$(DEMO)/report/report.html"

# Files are shared out over the processors; some tests of one file build on each other. In the order
# of their names: in that of their sizes, those of few tests that take long would come last, alone.
test: $(INSTALLED) ## Run the tests; the last lines say which were skipped, and why
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(INSTALLED) ## Check style (ruff) and types (mypy strict)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy $(BENCHMARKS) tests/docs tests/simulations

format: $(INSTALLED) ## Format the code and mend what ruff can mend by itself
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: $(INSTALLED) ## Time memr beside plain programs of the same work, into bench/
	@$(BIN)/python $(BENCHMARKS)/run_races.py --runs $(RUNS) --epochs $(EPOCHS) \
	  --device $(DEVICE) --long-gb $(LONG_GB) --only '$(ONLY)' --out bench

simulate: $(INSTALLED) ## Simulate how often the tests of memr compare err, on data with a known truth
	@$(BIN)/python tests/simulations/simulate_significance.py --runs $(SIMULATED)

nested: $(INSTALLED) ## Judge settings of a method inside training parts: STORE=memr.h5 METHOD=gated
	@$(BIN)/python tests/simulations/nested_validation.py $(STORE) $(METHOD) $(ARGS)

# Inputs are random here, where `make test` tries a few fixed ones; what fails prints how to repeat it.
fuzz: $(INSTALLED) ## Hunt for input that memr does not survive, made up and mutated
	@counts=$$(mktemp -d); \
	  FUZZ_CASES=$(EACH) FUZZ_COUNTS=$$counts $(BIN)/python -m pytest --numprocesses auto \
	    --dist load $(HOSTILE)/test_hostile_*.py \
	    $(HOSTILE)/test_spreadsheets.py $(HOSTILE)/test_life_of_a_folder.py $(ARGS); code=$$?; \
	  awk '{ runs += $$1 } END { print runs + 0 " runs of memr on hostile input" }' $$counts/* /dev/null; \
	  rm -r $$counts; exit $$code

kills: $(INSTALLED) ## Kill memr at random moments and see that nothing is lost
	@$(BIN)/python $(HOSTILE)/kill_rounds.py --rounds $(ROUNDS)

flips: $(INSTALLED) ## Flip every bit of a small store and see that memr check tells
	@$(BIN)/python $(HOSTILE)/flip_bits.py

# In an environment of its own, since it is no part of memr. Strict: what cannot be looked up, as where
# the vulnerability service is out of reach, fails too.
audit-deps: ## Look up known vulnerabilities of the pinned packages (pip-audit, over the internet)
	@test -x $(AUDIT)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT) && \
	  $(AUDIT)/bin/pip install --quiet --disable-pip-version-check 'pip-audit>=2.9'; }
	@$(AUDIT)/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

tools: ## Install Chromium and jq, which some tests use (Debian's packages; as root)
	@missing=; \
	for tool in $(TOOLS); do command -v $$tool > /dev/null || missing="$$missing $$tool"; done; \
	if test -z "$$missing"; then \
	  echo "$(TOOLS): there already."; \
	elif ! command -v apt-get > /dev/null; then \
	  echo "Missing:$$missing. There is no apt-get here: install them in your system's way." >&2; \
	  exit 1; \
	elif test "$$(id -u)" != 0; then \
	  echo "Missing:$$missing. Installing them takes root: sudo make tools" >&2; \
	  exit 1; \
	else \
	  apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing $(FONT); \
	fi

clean: ## Remove what the other targets made, but for .venv
	rm -rf $(DEMO) bench build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find memr_cli store tests -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## Remove .venv too
	rm -rf $(VENV) $(AUDIT) memr.egg-info
