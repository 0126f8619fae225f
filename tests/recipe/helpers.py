"""A good recipe as text, to be spoiled one line at a time, and devices that do not depend on this machine."""

from __future__ import annotations

import json
from pathlib import Path

from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.load import Loaded, LoadedEval, load_eval, load_train

MODEL = {
    "model_type": "qwen3_moe", "vocab_size": 358, "hidden_size": 128, "intermediate_size": 256,
    "moe_intermediate_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 32, "num_experts": 8, "num_experts_per_tok": 2, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "max_position_embeddings": 2048, "tie_word_embeddings": True,
}  # fmt: skip
"""Sizes of a small model of our own: the built-in one may change."""

GOOD = """\
#!/usr/bin/env -S python -m rlhf
policy:
  model: tiny-moe
data:
  train: {source: reasoning_gym, task: chain_sum, size: 1000}
  heldout: {source: reasoning_gym, task: chain_sum, size: 200, seed: 1000}
reward:
  - verifier: logic
"""

GOOD_EVAL = """\
#!/usr/bin/env -S python -m rlhf
kind: eval
policy: {model: tiny-moe, dtype: float32}
evaluation:
  max_response_tokens: 64
  benchmarks:
    - gsm8k
    - name: reasoning_gym:chain_sum
      size: 20
"""

CPU = Devices("cpu", nodes=1, cpus_per_node=8, gpus_per_node=0, memory_per_device=32 * GIB)
GPU = Devices("gpu", nodes=2, cpus_per_node=64, gpus_per_node=8, memory_per_device=80 * GIB)
UNKNOWN = Devices(None, nodes=None, cpus_per_node=None, gpus_per_node=None, memory_per_device=None)


def write(folder: Path, text: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def small_model(folder: Path, **changes: object) -> str:
    """The override that puts the small model in the place of the built-in one."""
    model = folder / "model"
    model.mkdir(exist_ok=True)
    (model / "config.json").write_text(json.dumps({**MODEL, **changes}))
    return f"policy.model={model}"


def load(folder: Path, text: str = GOOD, overrides: tuple[str, ...] = (), devices: Devices = CPU) -> Loaded:
    return load_train(write(folder, text), overrides, devices)


def load_evaluation(
    folder: Path, text: str = GOOD_EVAL, overrides: tuple[str, ...] = (), devices: Devices = CPU
) -> LoadedEval:
    return load_eval(write(folder, text), overrides, devices)
