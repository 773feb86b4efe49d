# The Python that .venv is made with: `make run PYTHON=/path/to/python3`. Without it, one is looked for.
PYTHON ?=
# More arguments for the server: `make run ARGS="--port 9000"`.
ARGS   ?=
BIN    := .venv/bin
PACKAGES := ostiary/pyproject.toml pytest-hermetic/pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup run check test coverage test-services test-browser test-container test-install audit test-matrix bench bench-outbox bench-second-factor bench-hermetic docs lock

help:  ## print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# A folder that was moved or copied has links to where it was; PYTHON= may name another Python.
MADE_IN   := $(shell cat .venv/folder 2>/dev/null)
MADE_WITH := $(shell cat .venv/python 2>/dev/null)
ifneq ($(MADE_IN),$(CURDIR))
.PHONY: .venv/run.txt .venv/dev.txt
else ifneq ($(or $(PYTHON),$(MADE_WITH)),$(MADE_WITH))
.PHONY: .venv/run.txt .venv/dev.txt
endif
.venv/run.txt: requirements/run.txt ostiary/pyproject.toml tools/install.sh
	@sh tools/install.sh run "$(PYTHON)" ./ostiary
.venv/dev.txt: requirements/dev.txt $(PACKAGES) tools/install.sh
	@sh tools/install.sh dev "$(PYTHON)" ./ostiary ./pytest-hermetic
	@cp requirements/run.txt .venv/  # which dev.txt holds

run: .venv/run.txt  ## start Ostiary on http://127.0.0.1:8000 with SQLite in ./var (ARGS="--port 9000")
	@$(BIN)/python -m ostiary serve $(ARGS)

setup: .venv/dev.txt  ## install everything that the other targets need into .venv

# Each test process, and each that a test starts, would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
PHASES := $(BIN)/python tools/phases.py
PYTEST := $(BIN)/python -m pytest

check: setup  ## format, lint, types, import contracts, docs: everything but the tests
	@$(PHASES) check \
	  "format" "$(BIN)/ruff format --check ." \
	  "lint" "$(BIN)/ruff check ." \
	  "types" "$(BIN)/mypy" \
	  "imports" "$(BIN)/lint-imports" \
	  "architecture" "$(PYTEST) -q --no-cov ostiary/tests/test_architecture.py" \
	  "audit of ostiary" "$(PYTEST) -q --no-cov --hermetic-audit=static ostiary/tests" \
	  "audit of pytest-hermetic" "$(PYTEST) -q --no-cov --hermetic-audit=static pytest-hermetic/tests" \
	  "docs of ostiary" "$(BIN)/python docs/generate.py --check" \
	  "docs of pytest-hermetic" "$(BIN)/python pytest-hermetic/docs/generate.py --check"

# Tracing doubles what a test costs: only those are traced that the floor under these slices needs.
# The other files of integration/ and attacks/ reach no branch that these do not.
TRACED := $(addprefix ostiary/tests/,account admin sessions signin test_sweeps.py kernel/test_hashing.py \
  $(patsubst %,integration/test_%.py,auth_registration mfa tokens) \
  $(patsubst %,attacks/test_%.py,account_made_before_its_owner mfa_bypass \
  password_closed_by_failures tokens_for_another_purpose what_a_suspended_user_still_holds))
test: setup  ## the tests of both distributions, with nothing running beside them
	@$(PHASES) test \
	  "ostiary, traced" "$(PYTEST) -n 2 --dist worksteal --cov=ostiary.sessions \
	    --cov=ostiary.signin --cov-report=json:coverage.json $(TRACED)" \
	  "branches of sessions and signin" "$(BIN)/python tools/coverage_floor.py coverage.json" \
	  "the rest of ostiary" "$(PYTEST) -n 2 --dist worksteal $(addprefix --ignore=,$(TRACED)) ostiary/tests" \
	  "pytest-hermetic" "$(PYTEST) -n 2 --dist worksteal pytest-hermetic/tests"

coverage: setup  ## which lines and branches of the whole server the tests reach
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term ostiary/tests

TEST_DATABASE_URL ?= postgresql://postgres@127.0.0.1:5432/postgres
TEST_REDIS_URL    ?= redis://127.0.0.1:6379
test-services: export TEST_DATABASE_URL := $(TEST_DATABASE_URL)
test-services: export TEST_REDIS_URL := $(TEST_REDIS_URL)
test-services: setup  ## the whole suite again on PostgreSQL and Redis (TEST_DATABASE_URL, TEST_REDIS_URL)
	$(PYTEST) -n 2 --dist worksteal ostiary/tests

test-browser: setup  ## the pages in Chromium, without JavaScript (TEST_PHOTOGRAPHS: where pictures go)
	$(BIN)/python -m pytest -n 0 -m browser ostiary/tests/browser

test-install:  ## a newcomer's first run, on each Python that is there: seconds, packages, megabytes
	$(firstword $(PYTHON) python3) bench/first_run.py

test-container: setup  ## build the container's image without a registry, and try it and compose.yaml
	tools/test_container.sh

audit: setup  ## run both suites against constant answers too: which green tests mean something
	$(BIN)/python -m pytest -q -n 2 --hermetic-audit=full --hermetic-report=var/audit/ostiary.json \
	  --hermetic-report=var/audit/ostiary.html ostiary/tests
	$(BIN)/python -m pytest -q -n 2 --hermetic-audit=full --hermetic-report=var/audit/hermetic.json \
	  --hermetic-report=var/audit/hermetic.html pytest-hermetic/tests

test-matrix: setup  ## the plugin's Redis behaviours on redis-py 5.0 to 8.1, with and without hiredis
	$(BIN)/python pytest-hermetic/matrix/run.py

bench: setup  ## measure a running server against the raw limits, print the table
	$(BIN)/python bench/run.py

bench-outbox: setup  ## messages per second through the outbox, on SQLite and PostgreSQL
	$(BIN)/python bench/outbox.py

bench-second-factor: setup  ## sign-ins per second with an authenticator app, against those without
	$(BIN)/python bench/second_factor.py

bench-hermetic: setup  ## measure the plugin: cost per test and per command, exactness against redis-server
	$(BIN)/python pytest-hermetic/bench/figures.py
	$(BIN)/python pytest-hermetic/bench/redis_figures.py
	$(BIN)/python pytest-hermetic/bench/redis_fuzz.py 50000 1

docs: setup  ## write the reference pages that are made from the code
	$(BIN)/python docs/generate.py
	$(BIN)/python pytest-hermetic/docs/generate.py

LOCKING := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url --no-strip-extras --all-extras
lock: setup  ## maintainers: pin every dependency again
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/lock.in
	$(BIN)/$(LOCKING) --upgrade -o requirements/dev.txt requirements/dev.in $(PACKAGES)
	$(BIN)/$(LOCKING) --upgrade -o requirements/run.txt -c requirements/dev.txt \
	  requirements/run.in ostiary/pyproject.toml
