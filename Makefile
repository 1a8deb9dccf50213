# Tasks of this checkout. Targets that need the virtual environment create it.

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What tests need of npm; without npm those tests are skipped.
NODE_FOLDERS := tests/asyncapi tests/frameworks tests/web clients/javascript
NODE_STAMP := $(NODE_FOLDERS:%=%/node_modules/.package-lock.json)

# The first Python that is new enough; override with `make PYTHON=... run`.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$python"; break; }; done)

# The server on which `make test-postgres` creates its databases.
TEST_DATABASE_URL ?= postgresql://postgres@127.0.0.1:5432/postgres
# Hidden from other targets: `make test` runs in memory, whatever the environment says.
unexport TEST_DATABASE_URL
# pytest rewrites each test file, and tests start Python dozens of times: without compiled files
# every process does all of that again.
unexport PYTHONDONTWRITEBYTECODE

PYTEST := $(BIN)/pytest
IN_PARALLEL := -n auto --dist worksteal
# One more worker than cores: the quick tests wait for a third of the time.
IN_MORE := -n $(shell echo $$(($$(nproc) + 1))) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run test test-slow test-crash test-postgres test-hard test-all check docs bench mutants torture clean lock

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(STAMP) ## Start the server on http://127.0.0.1:8000
	@exec $(BIN)/parley serve

test: $(STAMP) $(NODE_STAMP) ## Run the tests, except those marked slow, crash or hard
	@$(PYTEST) -m "not slow and not crash and not hard" $(IN_MORE) $(ARGS)

test-slow: $(STAMP) $(NODE_STAMP) ## Run the tests including slow ones, and enforce branch coverage
	@HYPOTHESIS_PROFILE=slow $(PYTEST) -m "not crash and not hard" $(IN_PARALLEL) --cov --cov-report=term $(ARGS)

test-crash: $(STAMP) ## Run the tests that kill real server processes
	@$(PYTEST) -m "crash and not hard" --timeout 600 $(ARGS)

test-postgres: $(STAMP) ## Run the tests on PostgreSQL (TEST_DATABASE_URL), with its coverage
	@TEST_DATABASE_URL="$(TEST_DATABASE_URL)" HYPOTHESIS_PROFILE=slow \
		$(PYTEST) -m "not crash and not hard" $(IN_PARALLEL) \
		--cov --cov-config=tests/postgres.coveragerc --cov-report=term $(ARGS)

test-hard: $(STAMP) ## Run the long proofs, or those named in ARGS, for hours
	@$(BIN)/python -m tests.proofs $(ARGS)

test-all: ## Run the tests on every installed Python from 3.11 to 3.13
	@ran=; for version in 3.11 3.12 3.13; do \
		for python in python$$version "$$HOME"/.pyenv/versions/$$version.*/bin/python \
				"$$(uv python find --no-python-downloads $$version 2>/dev/null)"; do \
			"$$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != "'$$version'")' \
				2>/dev/null || continue; \
			echo "== Python $$version"; ran="$$ran $$version"; \
			$(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$python" || exit 1; \
			break; \
		done; \
	done; \
	test -n "$$ran" || { echo "No Python 3.11, 3.12 or 3.13 is installed." >&2; exit 1; }; \
	echo "Passed on Python$$ran."

check: $(STAMP) ## Check formatting, style, types and imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP) ## Build the documentation as a site in build/site; a broken link fails
	@$(BIN)/zensical build --strict

bench: $(STAMP) ## Benchmark Parley and other servers
	@$(BIN)/python -m bench $(ARGS)

mutants: $(STAMP) ## Measure with small faults whether the tests of core modules can fail
	@$(BIN)/python -m bench.mutants $(ARGS)

torture: $(STAMP) ## Look for lost messages on URL=..., or on a server that is killed 50 times
	@$(BIN)/parley torture $(or $(URL),--serve --kills 50) $(ARGS)

clean: ## Remove generated files, except data/ and .env
	rm -rf .venv .venv-3.* build dist .coverage .coverage.* htmlcov
	rm -rf .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

COMPILE := uv pip compile --universal --python-version 3.11 --no-strip-extras --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet

lock: ## Update the lock files to the newest allowed versions (needs uv)
	$(COMPILE) pyproject.toml --all-extras --upgrade --output-file requirements.lock
	# What an image installs, and what builds its wheel, at the versions that are tested.
	$(COMPILE) pyproject.toml --extra postgres --extra redis --extra otel --constraint requirements.lock --output-file requirements-runtime.lock
	$(COMPILE) --group build --constraint requirements.lock --output-file requirements-build.lock

$(NODE_STAMP): %/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@if command -v npm >/dev/null 2>&1; then \
		npm ci --prefix $* --silent --no-audit --no-fund && touch $@; \
	fi

# Set-up, with uv if it is installed; uv also downloads a Python if there is none.

$(STAMP): pyproject.toml requirements.lock
	@set -e; \
	if command -v uv >/dev/null 2>&1; then \
		echo "Setting up $(VENV) with uv ..."; \
		test -x $(BIN)/python || uv venv --quiet --python "$(or $(PYTHON),3.13)" $(VENV); \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock; \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .; \
	else \
		if [ -z "$(PYTHON)" ] && [ ! -x $(BIN)/python ]; then \
			echo "Parley needs Python 3.11 or newer. Install one, or pass its path: make PYTHON=/path/to/python3.12" >&2; \
			exit 1; \
		fi; \
		echo "Setting up $(VENV) (about a minute the first time) ..."; \
		if [ ! -x $(BIN)/python ]; then \
			if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
				echo "This Python has no venv module. Install it with: apt-get install python3-venv" >&2; \
				exit 1; \
			fi; \
			"$(PYTHON)" -m venv $(VENV); \
		fi; \
		export PIP_DISABLE_PIP_VERSION_CHECK=1; \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; \
		$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .; \
	fi; \
	touch $@
