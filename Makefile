# make demo: set up and run the main job on bundled real data.  make test: set up, check and test everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BROWSER ?= chromium
export MLFLOW_DISABLE_TELEMETRY = true
export DO_NOT_TRACK = true
# Compiled once at install: importing the stack without .pyc costs seconds at every start.
unexport PYTHONDONTWRITEBYTECODE
# Each file of tests stays in one process, so that what its tests share is made once; tests/conftest.py orders them.
# A process that dies is not started again: its file would be run from the start, and hang or die once more.
SIDE_BY_SIDE := --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0

.PHONY: demo test fast check format lock clean

demo: $(VENV)/.demo-ready
	$(BIN)/forecast demo

test: check
	@command -v $(BROWSER) >/dev/null || echo "No $(BROWSER) here: tests in a browser are skipped (Debian: apt-get install chromium)."
	FORECAST_BROWSER=$(BROWSER) $(BIN)/pytest $(SIDE_BY_SIDE) --durations=15

fast: $(VENV)/.test-ready
	$(BIN)/pytest $(SIDE_BY_SIDE) -m "not slow"

check: $(VENV)/.test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test-ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# $(call install,LOCK): exactly the locked packages, each checked by its hash, then this project in place.
define install
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(1)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
endef

$(VENV)/.demo-ready: requirements.lock pyproject.toml
	$(call install,requirements.lock)

$(VENV)/.test-ready: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	touch $(VENV)/.demo-ready

# The exported files carry hashes and no registry address; uv.lock carries addresses and stays out of git.
lock: $(VENV)/.test-ready
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --no-header --no-emit-project --group build --no-dev --output-file requirements.lock
	$(BIN)/uv export --quiet --no-header --no-emit-project --all-groups --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) build dist demo .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
