"""How long the gated recurrences remember when training begins."""

from __future__ import annotations

import torch
from torch import Tensor

SHORTEST, LONGEST = 64.0, 4096.0
"""Tokens after which a state has faded to 1/e. A softmax layer looks back at will: a converted one starts with gates
near 1, and with many lengths, as retention does (arXiv 2307.08621, sec. 2.2), so that training need not find them."""


def lengths(count: int) -> Tensor:
    """[count], spread evenly in their logarithm, rising."""
    return torch.logspace(0, 1, count, base=LONGEST / SHORTEST) * SHORTEST if count > 1 else torch.tensor([LONGEST])
