"""Low-rank adapters (2106.09685) by peft: W + (alpha / rank) B A, where only A and B are learned.

B starts at zero, so the base weights are the policy as it was at the start: they serve as reference policy. Engines and
exported checkpoints get the merged weights, under the names of a model without adapters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rlhf.learner.layout import MicroBatch
from rlhf.models.resolve import ModelError
from rlhf.recipe.schema import LoraConfig

_BASE, _A, _B = ".base_layer.", ".lora_A.", ".lora_B."
_NAME = "default"  # peft's name of an adapter


def add_adapters(model: Any, config: LoraConfig) -> None:
    """In place; everything but the adapters is frozen. ModelError for a target that no linear layer is named after."""
    import peft

    # Not peft's own "all-linear": that adapts fused experts too, by wrappers that a checkpoint's names know nothing of.
    output = model.get_output_embeddings()
    linear = {
        name.rpartition(".")[2] for name, m in model.named_modules() if isinstance(m, nn.Linear) and m is not output
    }
    if unknown := sorted(set(config.targets) - linear):
        found = ", ".join(sorted(linear))
        raise ModelError(f"learner.lora.targets: no linear layer is called {', '.join(unknown)}; there are {found}")
    targets = config.targets or sorted(linear)
    wanted = peft.LoraConfig(r=config.rank, lora_alpha=config.alpha, target_modules=targets, lora_dropout=0.0)
    peft.inject_adapter_in_model(wanted, model)


def plain(name: str) -> str:
    """A tensor's name in the model without adapters."""
    return name.replace(_BASE, ".")


def is_adapter(name: str) -> bool:
    return _A in name or _B in name


def merged(full: Mapping[str, Tensor], config: LoraConfig | None) -> dict[str, Tensor]:
    """Full tensors by live name -> by plain name, the adapters in the weights. In float32, rounded once."""
    if config is None:
        return dict(full)
    found = {}
    for name, tensor in full.items():
        if is_adapter(name):
            continue
        if name.endswith(f"{_BASE}weight"):
            stem = name.removesuffix(f"{_BASE}weight")
            a_RI, b_OR = (full[f"{stem}{part}{_NAME}.weight"].float() for part in (_A, _B))
            whole = tensor.float().addmm(b_OR, a_RI, alpha=config.alpha / config.rank)
            found[plain(name)] = whole.to(tensor.dtype)
        else:
            found[plain(name)] = tensor
    return found


class BaseWeights:
    """The reference policy of a policy with adapters: the same model without them. Fixed; costs no memory."""

    def __init__(self, engine: Any, model: Any) -> None:
        self._engine, self._model = engine, model

    def logp(self, micro: MicroBatch, temperature: float) -> Tensor:
        """[N] of the micro-batch's response tokens."""
        with without_adapters(self._model), torch.no_grad():
            logp_N: Tensor = self._engine(micro, temperature)[0]
        return logp_N

    def follow(self, parameters: Iterator[Tensor], keep: float) -> None:
        """Nothing follows: at the start the base weights are the policy, and later they stay."""

    def save(self, folder: Path) -> None:
        """Part of the learner's own state."""

    def load(self, folder: Path) -> None:
        """Part of the learner's own state."""


@contextmanager
def without_adapters(model: Any) -> Iterator[None]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    # Not by `enable_adapters`: it turns `requires_grad` of parameters off and on that DeepSpeed has hooks on.
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False
