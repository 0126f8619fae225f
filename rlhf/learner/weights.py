"""The learner's weights as a checkpoint names them: streamed for publication, or written for export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from rlhf.learner.engine import Engine
from rlhf.learner.lora import is_adapter, merged, plain
from rlhf.models.names import checkpoint_tensors, tensor_groups
from rlhf.recipe.schema import LoraConfig


def gathered_weights(
    engine: Engine, model: Any, wanted: bool, dtype: torch.dtype | None, device: str, lora: LoraConfig | None = None
) -> Iterator[tuple[str, Tensor]]:
    """See LearnerRank.named_weights. wanted: this rank takes copies; the others only join in. lora: to be merged."""
    for group in tensor_groups(model):
        full = merged(_full_tensors(engine, group, wanted, dtype, device), lora)
        if wanted:
            yield from checkpoint_tensors(model, full).items()


def _full_tensors(
    engine: Engine, group: list[tuple[str, Tensor]], wanted: bool, dtype: torch.dtype | None, device: str = "cpu"
) -> dict[str, Tensor]:
    """Copies, where wanted; a collective under ZeRO-3."""
    with engine.gathered([t for _, t in group]), torch.no_grad():
        if not wanted:
            return {}
        return {name: _copy(tensor, dtype, device) for name, tensor in group}


def _copy(tensor: Tensor, dtype: torch.dtype | None, device: str) -> Tensor:
    wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to(device, wanted, copy=True)


def export_folder(
    engine: Engine, model: Any, rank: int, folder: Path, tokenizer: Any, lora: LoraConfig | None = None
) -> None:
    """See LearnerRank.export_hf."""
    full: dict[str, Tensor] = {}
    for group in tensor_groups(model):
        full |= merged(_full_tensors(engine, group, rank == 0, None), lora)
    if rank == 0:
        first = {id(t): plain(name) for group in tensor_groups(model) for name, t in group}
        # Tied names point to the same copy, which is how save_pretrained finds that it may leave one out.
        live = model.state_dict(keep_vars=True).items()
        state = {plain(name): full[first[id(t)]] for name, t in live if not is_adapter(name)}
        model.save_pretrained(folder, state_dict=state)
        for file in folder.glob("*.safetensors"):  # safetensors leaves them readable to their owner alone
            file.chmod((folder / "config.json").stat().st_mode)
        if tokenizer is not None:
            tokenizer.save_pretrained(folder)
    dist.barrier()
