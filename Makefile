# Two commands for a newcomer: 'make demo' and 'make ui'. 'make help' lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.PHONY: help install demo demo-full ui check test docs e2e bench-engine bench-check bench-signals bench-evaluation clean

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

# torch comes first and alone: asked for by another package it would be the newest CUDA build.
$(VENV)/.runtime: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV): one to three minutes, and as long as 0.8 to 2.7 GB take to download ..."
	@$(PIP) --constraint constraints.txt torch
	@echo "torch is installed; the other packages follow ..."
	@$(PIP) --constraint constraints.txt --editable '.[demo]'
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	@echo "Installing what the tests need ..."
	@$(PIP) --constraint constraints.txt --editable '.[demo,dev]'
	@touch $@

install: $(VENV)/.runtime ## Make .venv with the pinned packages
	@echo "Installed. Next: make demo, or in a folder of your own: $(CURDIR)/$(BIN)/autoselection init FILES"

demo: $(VENV)/.runtime ## Run a complete search on two cores (about 7 minutes)
	@$(BIN)/python -m demo

$(VENV)/.full: $(VENV)/.runtime
	@echo "Installing spaCy and its parser into $(VENV) ..."
	@$(PIP) --constraint constraints.txt --editable '.[demo,actions]'
	@touch $@

demo-full: $(VENV)/.full ## The demo with sparse features and verbs too, in a home of its own (longer than the demo)
	@AUTOSELECTION_HOME=.autoselection-full AUTOSELECTION_CAMPAIGNS=demo/full.yaml $(BIN)/python -m demo

ui: $(VENV)/.runtime ## Serve the demo's Dagster instance on 127.0.0.1:3000
	@$(BIN)/python -m autoselection_dagster.serve

test: $(VENV)/.development ## Run scripts/check: format, lint, types, layers, doctests, tests
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/check

docs: $(VENV)/.development ## Build the documentation site into docs/_build/html; a dead link fails
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

e2e: $(VENV)/.development ## Run the slow tests: daemons, kills, browsers
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/e2e

bench-engine: $(VENV)/.development ## Measure the recipe engine; writes bench/results/
	@$(BIN)/python -m bench.engine

bench-check: $(VENV)/.development ## Fail when a committed engine figure is off by more than a factor of two
	@$(BIN)/python -m bench.engine --check

$(VENV)/.bench-signals: $(VENV)/.development
	@echo "Installing what the signals are compared with ..."
	@$(PIP) --constraint constraints.txt --editable '.[demo,dev,bench,actions]'
	@touch $@

bench-signals: $(VENV)/.bench-signals ## Measure the signals, MODEL=folder [SAE=folder] those of a model too; writes bench/results/
	@$(BIN)/python -m bench.signals $(if $(MODEL),--model $(MODEL)) $(if $(SAE),--sae $(SAE))

bench-evaluation: $(VENV)/.development ## Measure training and scoring (MODEL=folder); writes bench/results/
	@$(BIN)/python -m bench.evaluation $(MODEL)

clean: ## Remove .venv; the home folder .autoselection stays
	@rm -rf $(VENV)
