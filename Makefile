# Every command a developer needs. Each sets up what it needs; `make` alone lists them.

# The first Python here that is new enough; name another one with `make PYTHON=…`.
PYTHON ?= $(or $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done),python3)
VENV := .venv
BIN := $(VENV)/bin
CHROMIUM := /usr/bin/chromium
TEST_WORKERS ?= 2
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml
BENCHES := $(filter-out _%,$(notdir $(basename $(wildcard bench/*.py))))

.DEFAULT_GOAL := help
.PHONY: help setup runtime demo serve migrate check test prove bench lock docs screenshots tools lint

help: ## list the commands
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do \
		printf '  make %-11s %s\n' "$$name" "$$text"; done

setup: $(VENV)/installed ## create .venv and install everything in it, checked against the lock

demo: runtime ## run everything on this machine, with a simulated fleet in three regions
	$(BIN)/controlplane demo $(ARGS)

serve: runtime ## run the control plane and its probers
	$(BIN)/controlplane serve $(ARGS)

migrate: runtime ## bring an external database to the newest schema
	$(BIN)/controlplane migrate $(ARGS)

check: lint ## the static checks and the fast tests
	$(BIN)/pytest -m "not services and not browser and not prove" tests/unit tests/application

test: tools lint ## everything that must hold: static checks, all tests, coverage of the core
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -m "not prove" -n $(TEST_WORKERS) --dist loadfile
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

prove: tools setup ## the long runs; writes docs/proof.md
	$(BIN)/python -m pytest -m prove -p tests.proof --proof=docs/proof.md

bench: setup ## measure beside other programs, one table per bench
	@for bench in $(BENCHES); do echo "== $$bench"; $(BIN)/python -m bench.$$bench $(ARGS) || exit 1; done

lock: setup ## pin the dependencies of pyproject.toml again (needs the network)
	$(COMPILE) --all-extras -o requirements.txt
	$(COMPILE) --extra embedded --extra build -c requirements.txt -o deploy/requirements.txt

screenshots: setup ## take the pictures of the console anew, from a demo in trouble
	$(BIN)/python -m tests.house.screenshots

docs: setup ## write the generated pages
	$(BIN)/python -m tests.house.settings_page > docs/settings.md

lint: setup
	$(BIN)/python -m tests.house.lock
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

runtime: $(VENV)/runtime

# What runs needs a third of what developers need. Either is set up again only when a lock or the project changed.
$(VENV)/runtime: $(VENV)/bin/python deploy/requirements.txt pyproject.toml
	$(PIP) --require-hashes -r deploy/requirements.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed: $(VENV)/bin/python requirements.txt pyproject.toml
	$(PIP) --require-hashes -r requirements.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $(VENV)/runtime $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed and was not found as '$(PYTHON)'; name it with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot create environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

# Debian packages that tests need: installed where we may, else this says what to do.
tools:
	@$(call need,[ -x $(CHROMIUM) ] && dpkg-query -W fonts-noto-cjk,the tests drive a real browser,chromium fonts-noto-cjk)
	@$(call need,command -v curl,the tests run the recipes of docs/readers,curl)
	@$(call need,command -v go && command -v gofmt,the tests compile the Go of docs/readers and of the README,golang-go)

define need
if { $(1); } >/dev/null 2>&1; then exit 0; fi; \
if [ "$$(id -u)" = 0 ]; then root=; elif sudo -n true 2>/dev/null; then root="sudo -n"; else root=nobody; fi; \
if [ "$$root" = nobody ] || ! command -v apt-get >/dev/null; then \
	echo "$(2): install it first (Debian: apt-get install $(3))" >&2; exit 1; fi; \
$$root apt-get update -q && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(3)
endef
