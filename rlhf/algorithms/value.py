"""The critic's loss. Axes: B sequences, T tokens."""

from __future__ import annotations

import torch
from torch import Tensor


def value_loss(value_BT: Tensor, return_BT: Tensor, old_value_BT: Tensor | None, clip: float | None) -> Tensor:
    """(V - R)^2 / 2 a token, [B, T]; with `clip`, the larger of that and of the same with V held within
    old_value +- clip (PPO's released code; no paper of the sheet names it)."""
    loss_BT = 0.5 * (value_BT - return_BT) ** 2
    if clip is None or old_value_BT is None:
        return loss_BT
    held_BT = old_value_BT + (value_BT - old_value_BT).clamp(-clip, clip)
    return torch.maximum(loss_BT, 0.5 * (held_BT - return_BT) ** 2)
