# Targets a developer and CI share. Everything is installed into .venv from constraints.txt.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo install install-dev test lint test-quick test-faults test-tools kafka \
	bench bench-watch bench-scale bench-soak bench-detection lock clean

help:  ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: install  ## Play a fictional trading day through the whole of newsurge
	$(BIN)/newsurge demo

install: $(VENV)/.installed  ## Install for serving and the demo (no torch)

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "installing newsurge for serving and the demo into $(VENV) ..."
	$(PIP) -e '.[embedded]'
	@touch $@

install-dev: $(VENV)/.installed-dev  ## Install what tests and training need (torch: 5 GB)

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "installing what tests need into $(VENV): with torch and its CUDA libraries, 5 GB ..."
	$(PIP) -e '.[embedded,history,train,dev]'
	@touch $@ $(VENV)/.installed

test: lint test-quick  ## Lint, types and the quick tests

lint: install-dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-quick: install-dev
	$(BIN)/pytest -q

test-faults: install-dev  ## The slow tests, which kill, flood and starve things
	$(BIN)/pytest -q -m faults --timeout 600

test-tools:  ## Install on Debian what some tests need beside Python
	./deploy/test-tools.sh

kafka: install-dev  ## Run a one-node Apache Kafka on localhost:9092 (needs Java 17 and Maven)
	$(BIN)/python deploy/kafka/local.py run

bench: install-dev  ## Measure: scorer, SCORE end to end, latency, start
	$(BIN)/python -m benchmarks.score
	$(BIN)/python -m benchmarks.pipeline
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.start

bench-watch: install-dev  ## Measure: WATCH's core against decoding alone, in memory and through a broker
	$(BIN)/python -m benchmarks.watch
	$(BIN)/python -m benchmarks.watch --through-broker

bench-scale: install-dev  ## Measure: 1, 2 and 4 SCORE processes (needs Java and Maven)
	$(BIN)/python -m benchmarks.scale

bench-soak: install-dev  ## An hour of kills, freezes and outages (needs Java and Maven)
	$(BIN)/python -m benchmarks.soak

bench-detection: install-dev  ## Measure: the surge statistic against its peers (needs ../shared/data)
	$(BIN)/python -m benchmarks.detection

lock: install-dev  ## Renew constraints.txt
	$(PIP) uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --no-header --no-annotate \
		--no-emit-index-url --all-extras --python-version 3.11 pyproject.toml -o constraints.txt

clean:  ## Remove what was installed and built
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache
