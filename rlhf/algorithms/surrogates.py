"""Policy surrogates: token losses to be minimised, before aggregation. Axes: B sequences, T tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MAX_LOG_RATIO = 20.0  # exp(20) = 4.9e8 still squares within float32


@dataclass(frozen=True, slots=True)
class Surrogate:
    """loss_BT: token losses. clipped_low_BT, clipped_high_BT: where the gradient is cut, as 0 or 1."""

    loss_BT: Tensor
    clipped_low_BT: Tensor
    clipped_high_BT: Tensor


def log_ratio(logp_BT: Tensor, old_logp_BT: Tensor) -> Tensor:
    """log(pi / pi_old), bounded to +-20 so that no exponential overflows."""
    return (logp_BT - old_logp_BT).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def clipped_ratio(logp_BT: Tensor, old_logp_BT: Tensor, advantage_BT: Tensor, low: float, high: float) -> Surrogate:
    """-min(r A, clip(r, 1 - low, 1 + high) A): PPO (1707.06347, eq. 7), with two bounds as in DAPO (2503.14476).

    Its gradient with respect to logp is -A r, but 0 where A > 0 and r > 1 + high, or A < 0 and r < 1 - low.
    """
    ratio_BT = log_ratio(logp_BT, old_logp_BT).exp()
    bounded_BT = ratio_BT.clamp(1.0 - low, 1.0 + high)
    loss_BT = -torch.minimum(ratio_BT * advantage_BT, bounded_BT * advantage_BT)
    with torch.no_grad():
        clipped_high_BT = ((advantage_BT > 0) & (ratio_BT > 1.0 + high)).to(loss_BT.dtype)
        clipped_low_BT = ((advantage_BT < 0) & (ratio_BT < 1.0 - low)).to(loss_BT.dtype)
    return Surrogate(loss_BT, clipped_low_BT, clipped_high_BT)
