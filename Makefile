# What a contributor, a reviewer and CI run: the same targets. Needs Python 3.11+, make and the package registries.
PYTHON ?= python3
BIN := .venv/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --require-hashes --only-binary :all:

.DEFAULT_GOAL := help
.PHONY: help demo twice test lint types unit integration doors attacks core stacks torture fuzz bench format requirements clean

help: ## List the targets
	@grep -hE '^[a-z.]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z.]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: .venv ## The whole hub with a simulated county, and what its year shows
	$(BIN)/wraparound demo $(DEMO)

twice: .venv ## The county twice from one seed: the same published, the same delivered
	$(BIN)/python -m tests.twice $(DEMO)

test: .venv ## Everything that CI runs, three steps at a time; each is shown when it ends
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target lint stacks doors attacks core unit types

lint: .venv ## Style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv ## Strict types, tests too
	$(BIN)/mypy .

unit: .venv ## Tests without network
	$(BIN)/pytest tests/unit

integration: doors attacks core ## Tests on one real Kafka and PostgreSQL

doors: .venv ## Of these, what partners and people see: gateway, intake, view, and what they do not
	$(BIN)/pytest $(DOORS) -m "not stacks and not fuzz"

attacks: .venv ## Of these, what a desk, a person or a race could make of the whole hub
	$(BIN)/pytest tests/integration/attack -m "not stacks and not fuzz"

core: .venv ## Of these, all the rest
	$(BIN)/pytest tests/integration -m "not stacks and not fuzz" $(DOORS:%=--ignore=%) --ignore=tests/integration/attack

DOORS := tests/integration/gateway tests/integration/intake tests/integration/noninterference tests/integration/view

stacks: .venv ## Tests that start whole stacks, and run what the docs show
	$(BIN)/pytest tests/integration -m "stacks and not fuzz"

torture: .venv ## Kill, stop, cut and rebalance for as long as it takes
	$(BIN)/python -m tests.torture

fuzz: .venv ## Long forms: Schemathesis over the OpenAPI document, non-interference event by event
	$(BIN)/pytest tests/integration -m fuzz --timeout 7200 -s

bench: .venv ## Events a second, by part
	$(BIN)/python -m bench

format: .venv ## Put the code into its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv: .venv/installed ## Install the pinned requirements and the project

.venv/installed: requirements-dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -r requirements-dev.txt
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet --no-deps --no-index --no-build-isolation -e .
	@touch $@

requirements: ## Compile the pinned requirements anew (needs uv)
	@uv pip compile --quiet --upgrade $(COMPILE) --extra build -o requirements.txt
	@uv pip compile --quiet $(COMPILE) --extra build --extra dev -c requirements.txt -o requirements-dev.txt

COMPILE := pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

clean: ## Remove what the targets made; a running stack in ./.wraparound is stopped first
	@if [ -x $(BIN)/wraparound ] && [ -d .wraparound ]; then $(BIN)/wraparound down || true; fi
	rm -rf .venv .wraparound .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info build
