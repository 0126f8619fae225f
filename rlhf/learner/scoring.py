"""A pass that only looks: one number for every response token, of any module, on any number of ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from rlhf.learner.layout import MicroBatch
from rlhf.types import TrainSequence


def score(
    sequences: Sequence[TrainSequence], micros: Sequence[MicroBatch], run: Callable[[MicroBatch], Tensor], ranks: int
) -> list[np.ndarray]:
    """`run(micro)` gives [N]; float32 [R] per sequence, in order, on every rank. A collective."""
    found: dict[int, np.ndarray] = {}
    with torch.no_grad():
        for micro in micros:
            values = run(micro).float().cpu().numpy()
            for member in micro.members if micro.reports else ():
                length = len(sequences[member].response_ids_R)
                found[member], values = values[:length].copy(), values[length:]
    if ranks > 1:
        everyone: list[dict[int, np.ndarray]] = [{}] * ranks
        dist.all_gather_object(everyone, found)
        found = {k: v for part in everyone for k, v in part.items()}
    return [found[i] for i in range(len(sequences))]
