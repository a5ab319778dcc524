# Everything a newcomer types. Needs Python 3.11 or newer and make; the rest is fetched into .venv.
.DEFAULT_GOAL := help
BIN := .venv/bin
READY := .venv/.ready
PROJECTS := pyproject.toml $(wildcard contracts/pyproject.toml services/*/pyproject.toml deploy/local/pyproject.toml)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and fetch what is needed (done by the others when due)

$(READY): uv.lock $(PROJECTS) deploy/local/bootstrap.sh
	@sh deploy/local/bootstrap.sh
	@touch $@

up: $(READY) ## run the whole system here until Ctrl-C; see .local/stack.json
	@$(BIN)/local-stack up

demo: $(READY) ## send a campaign through a misbehaving VPS and check what became of it
	@$(BIN)/local-stack demo

# Several at a time, each with its own servers; on a given server one after the other.
WORKERS := $(if $(NATS_URL)$(DATABASE_URL),0,3)

test: $(READY) ## run all tests, on real servers (PYTEST_ARGS="-k name" for some)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(READY) ## check format, lint, types, layers, generated files, and known holes of dependencies
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m contracts.generate --check
	@$(BIN)/python -m local_stack.audit

bench: $(READY) ## measure throughput, one JSON line a figure (BENCH_ARGS for its options)
	@$(BIN)/local-stack bench $(BENCH_ARGS)

# SEED= and FAULTS= replay or shorten a run; the rest is in `local-stack fault --help`.
SEED ?= 1
FAULTS ?= 100

fault: $(READY) ## break everything around a running campaign; nothing may be lost (SEED=1 FAULTS=100)
	@$(BIN)/local-stack fault --seed $(SEED) --faults $(FAULTS) $(FAULT_ARGS)

soak: $(READY) ## post 200 callbacks/s for 20 minutes; nothing may grow (SOAK_ARGS for its options)
	@$(BIN)/local-stack soak $(SOAK_ARGS)

clean: ## remove the data of `make up`
	@if [ -x $(BIN)/local-stack ]; then $(BIN)/local-stack clean; else rm -rf .local; fi

.PHONY: help setup up demo test check bench fault soak clean
