"""Random numbers that are the same on every rank and device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


def generator_of(seed: int | Sequence[int]) -> torch.Generator:
    """On the CPU, for a seed or for several numbers together (a seed, a layer, an update)."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]))
