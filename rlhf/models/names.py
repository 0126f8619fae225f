"""Tensors of a live model under the names, and in the shapes, of a Hugging Face checkpoint.

transformers 5 fuses the experts of a layer into one tensor; checkpoints, and vLLM, know them one by one. The
conversion is transformers' own (`revert_weight_conversion`), applied layer by layer so that never more than one
layer stands twice in memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import Tensor, nn
from transformers.core_model_loading import revert_weight_conversion

_LAYER = re.compile(r"^(.*?\.\d+)\.")


def tensor_groups(model: nn.Module) -> list[list[tuple[str, Tensor]]]:
    """The tensors of a checkpoint, each once (a tied one under its first name), grouped by layer, in order."""
    saved = set(model.state_dict(keep_vars=True))
    groups: dict[str, list[tuple[str, Tensor]]] = {}
    for name, tensor in _unique(model):
        if name in saved:
            match = _LAYER.match(name)
            groups.setdefault(match.group(1) if match else name, []).append((name, tensor))
    return list(groups.values())


def _unique(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters(remove_duplicate=True)
    yield from model.named_buffers(remove_duplicate=True)


def checkpoint_tensors(model: nn.Module, group: dict[str, Tensor]) -> dict[str, Tensor]:
    """One group's tensors under checkpoint names; `group` holds full (gathered) tensors under live names."""
    return revert_weight_conversion(model, group)
