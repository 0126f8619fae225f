"""What the learner must know of a mixture of experts: its routers, its blocks, the fastest way to run its experts.

Read off transformers' own declarations (`_can_record_outputs["router_logits"]`), so no list of architectures is kept.
Axes: S flattened positions, E experts, K experts a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Router:
    """One layer's router. output: place of its logits among what the module returns."""

    layer: int
    name: str
    module: nn.Module
    output: int


def find_routers(model: nn.Module) -> list[Router]:
    """The routers in the order of the layers; empty for a dense model."""
    recorder = (getattr(model, "_can_record_outputs", None) or {}).get("router_logits")
    recorder = recorder[0] if isinstance(recorder, (list, tuple)) else recorder
    if recorder is None:
        return []
    target = getattr(recorder, "target_class", recorder)
    found = [(name, m) for name, m in model.named_modules() if isinstance(m, target)]
    return [Router(_layer_of(name, i), name, m, getattr(recorder, "index", 0)) for i, (name, m) in enumerate(found)]


def _layer_of(name: str, default: int) -> int:
    return next((int(part) for part in name.split(".") if part.isdigit()), default)


def router_output(router: Router, output: Any, top_k: int) -> tuple[Tensor, Tensor]:
    """(logits_SE, chosen_SK) of what a router returned."""
    logits = output[router.output] if isinstance(output, (tuple, list)) else output
    logits_SE = logits.reshape(-1, logits.shape[-1])
    integers = (
        [t for t in output if isinstance(t, Tensor) and t.dtype is torch.int64] if isinstance(output, tuple) else []
    )
    chosen = integers[-1] if integers else logits_SE.topk(top_k, dim=-1).indices
    return logits_SE, chosen.reshape(logits_SE.shape[0], -1)


def experts_per_token(config: Any) -> int:
    """K of a configuration, under whichever name the architecture has for it."""
    for key in ("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "top_k_experts"):
        value = getattr(config, key, None)
        if isinstance(value, int):
            return value
    raise ValueError(f"{type(config).__name__} does not say how many experts a token goes to (num_experts_per_tok)")


def moe_block_classes(model: nn.Module) -> list[type[nn.Module]]:
    """Classes of the modules that hold a router: ZeRO-3 must gather such a block whole, for which experts run
    depends on the tokens of a rank and the ranks would wait for one another forever."""
    modules = dict(model.named_modules())
    blocks = [modules[r.name.rpartition(".")[0]] for r in find_routers(model)]
    return list(dict.fromkeys(type(b) for b in blocks))


EAGER_EXPERTS = 16  # the loop's backward writes a whole gradient per expert, so it loses with many of them


def choose_experts_implementation(model: Any, device: str) -> str | None:
    """Set and return the fastest implementation of the experts, by measurement; None for a dense model.

    On a CPU, one layer of 8 experts (2 a token, hidden 128, intermediate 128, 8192 tokens), forward and backward,
    one thread: eager 80 ms, grouped_mm 90 (float32); 103 and 141 (bfloat16); batched_mm 40 times slower.
    """
    if not find_routers(model) or not model._can_set_experts_implementation():
        return None
    few = count_experts(model) <= EAGER_EXPERTS
    name = "eager" if device == "cpu" and few else "grouped_mm"
    model.set_experts_implementation(name)
    return name


def count_experts(model: nn.Module) -> int:
    """Experts of a layer, by the rows of its router's weight."""
    weight = getattr(find_routers(model)[0].module, "weight", None)
    return int(weight.shape[0]) if isinstance(weight, Tensor) else EAGER_EXPERTS + 1
