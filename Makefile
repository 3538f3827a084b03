# Everything starts here: `make demo` and `make test` need Python 3.11 or newer, make and a package index, no more.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

IMAGES ?=
LABELS ?= $(IMAGES)/labels.csv
BOXES ?= $(wildcard $(IMAGES)/boxes.csv)
PORT ?= 8000
TESTS ?= tests

.PHONY: demo test coverage lint docs format benchmark clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo 'make demo                    build and serve a demonstration study on synthetic X-rays'
	@echo 'make demo IMAGES=DIR         the same with your X-rays (LABELS=, BOXES= default to the CSV files in DIR)'
	@echo 'make test                    run the tests, in as many processes as there are cores'
	@echo 'make test TESTS="PATH ..."   run these'
	@echo 'make coverage                the tests without the browser, and the floor of each package'
	@echo 'make lint                    formatting, types, import contracts, scripts, deployment checks'
	@echo 'make docs                    the documentation as a site, in build/docs; a broken link fails'
	@echo 'make format                  apply the formatters'
	@echo 'make benchmark               explanations beside the public packages: seconds, memory, differences'
	@echo 'make clean                   remove the environment and the demonstration data (asks first)'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; say which with make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# One stamp per set of dependencies: an unchanged pyproject.toml and constraints.txt install nothing again.
$(VENV)/.worker: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing what the application needs (once; some minutes) ...'
	@$(PIP) install --constraint constraints.txt --editable '.[worker]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing what development needs (once; some minutes) ...'
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.worker

# For the checks of static/js alone: the pages are served as they are, without Node.
node_modules/.dev: package.json
	@command -v npm >/dev/null || { echo 'Checking the scripts needs Node.js 18 or newer with npm: install both'; exit 1; }
	@echo 'Installing what the checks of the scripts need (once) ...'
	@npm install --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

demo: $(VENV)/.worker
	@$(BIN)/python manage.py demo --port '$(PORT)' \
	  $(if $(IMAGES),--images '$(IMAGES)' --labels '$(LABELS)' $(if $(BOXES),--boxes '$(BOXES)'))

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(TESTS)

# What each package must not fall below, in percent of lines and branches, where no test is skipped. What runs in processes of
# its own (pool, keeper, sandbox, demonstration) does not count, though tests run it.
FLOORS := analysis=97 explainer=95 readerstudy/accounts=97 readerstudy/lib=84 readerstudy/work=70 readerstudy/studies=96 \
  readerstudy/explanations=97 readerstudy/reading=98 readerstudy/results=91 readerstudy/coordination=99

coverage: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder \
	  --cov --cov-report= --ignore=tests/browser $(TESTS)
	for floor in $(FLOORS); do \
	  $(BIN)/coverage report --skip-covered --include "$${floor%=*}/*" --fail-under "$${floor#*=}" || exit 1; done

lint: $(VENV)/.dev node_modules/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	git ls-files -z 'templates/*.html' | xargs -0 -r $(BIN)/djade --target-version 5.2 --check
	node_modules/.bin/eslint
	node_modules/.bin/tsc
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

docs: $(VENV)/.dev
	$(BIN)/sphinx-build -q -E -W --keep-going -c docs -d build/doctrees . build/docs
	@echo 'build/docs/index.html'

format: $(VENV)/.dev node_modules/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	git ls-files -z 'templates/*.html' | xargs -0 -r $(BIN)/djade --target-version 5.2
	node_modules/.bin/eslint --fix

benchmark: $(VENV)/.worker
	$(BIN)/python -m benchmarks.explain --install-peers
	$(BIN)/python -m benchmarks.explain

clean:
	@printf 'Remove %s and every answer in the folder var? [y/N] ' '$(VENV)'; read answer; [ "$$answer" = y ]
	rm -rf $(VENV) node_modules var
