# make run: set up and train the default.  make test: set up and pass the tests.  Both are quick the second time.
# make faults: every fault that docs/reliability.md speaks of.
PYTHON ?= python3
ARGS ?=
TESTS ?= tests
WORKERS ?= 2
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test faults lint format wheel clean

run: $(READY)
	$(BIN)/dlrun $(ARGS)

# One thread per worker process: two workers with two threads each would fight for two cores. Each begins with its half
# of the tests, in order, so that a file's fixtures are made once; who is ready first takes of the other's rest. Bytecode
# is kept whatever the environment says: the tests start a hundred processes, and each would compile its imports anew.
test: lint
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

# Faults injected for real, all of them, and whole processes killed, timed and searched once more; `make test` has a quick
# selection. See docs/reliability.md.
faults: $(READY)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 DLRUN_FAULTS=all $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
		-o console_output_style=count -m "faults or thorough" tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(READY)
	$(BIN)/python -m hatchling build -t wheel

# Bytecode is compiled now: where PYTHONDONTWRITEBYTECODE is set, every start would compile all it imports anew.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(BIN)/python -m uv pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv dist .pytest_cache .ruff_cache .hypothesis
