"""Advantages of the samples of one prompt. Axis: G samples of the group."""

from __future__ import annotations

import torch
from torch import Tensor


def group_mean_baseline(rewards_G: Tensor) -> Tensor:
    """A_i = R_i - mean(R): Dr.GRPO (2503.20783, eq. 3); the mean includes the sample itself."""
    return rewards_G - rewards_G.mean()


def group_normalised(rewards_G: Tensor, eps: float, ddof: int = 1) -> Tensor:
    """A_i = (R_i - mean(R)) / (std(R) + eps): GRPO (DeepSeekMath 2402.03300, section 4.1.2).

    The paper names neither the degrees of freedom nor eps; ddof 1 is what published code uses. A group of
    equal rewards has advantage exactly 0, also with eps 0: rounding in the mean must not be divided by a
    deviation that is rounding too.
    """
    if len(rewards_G) <= ddof:
        raise ValueError(f"a group of {len(rewards_G)} has no standard deviation with ddof {ddof}")
    if bool((rewards_G == rewards_G[0]).all()):
        return torch.zeros_like(rewards_G)
    return group_mean_baseline(rewards_G) / (rewards_G.std(correction=ddof) + eps)
