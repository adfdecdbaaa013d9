# Everything is set up by the targets themselves: Python 3.11+ is all a fresh machine needs.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/dev.stamp: requirements/dev.txt
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q -r requirements/dev.txt
	@touch $@

.tools/kinesis.stamp: requirements/kinesis.txt
	@echo "setting up the local Kinesis endpoint in .tools/kinesis"
	@$(PYTHON) -m venv .tools/kinesis
	@.tools/kinesis/bin/pip install -q -r requirements/kinesis.txt
	@touch $@

setup: $(VENV)/dev.stamp .tools/kinesis.stamp ## virtual environments with everything pinned

.PHONY: help setup
