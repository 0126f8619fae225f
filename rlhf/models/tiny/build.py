"""The tiny Qwen3-MoE policy, from its config: random weights, saved as transformers and vLLM load them."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlhf.models.tiny.tokenizer import FILES

HERE = Path(__file__).parent
"""Where the shipped `config.json` and the tokenizer's files are."""


def write_tiny_moe(folder: Path, seed: int) -> Path:
    """Writes config, float32 weights drawn from `seed` (safetensors) and tokenizer into `folder`, and returns it.

    The same seed gives the same weights; the caller's random state is left as it was.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(HERE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    for name in FILES:
        shutil.copyfile(HERE / name, folder / name)
    return folder
