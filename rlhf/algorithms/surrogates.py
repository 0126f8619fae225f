"""Policy surrogates: token losses to be minimised, before aggregation. Axes: B sequences, T tokens.

Each gives the loss, and where the gradient is cut. A loss of the whole sequence (GSPO, Kimi) stands at every token
of it, so that the mean over its tokens is that loss.
"""

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


def token_ratio(logp_BT: Tensor, old_logp_BT: Tensor) -> Tensor:
    return log_ratio(logp_BT, old_logp_BT).exp()


def sequence_ratio(logp_BT: Tensor, old_logp_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """s_i = exp(mean over tokens of log pi/pi_old), at every token: GSPO (2507.18071, eq. 7).

    Accumulated in float32 at least: bfloat16 cannot resolve the clipping range of 3e-4.
    """
    return _mean_log_ratio(logp_BT, old_logp_BT, mask_BT).exp()[:, None].expand_as(logp_BT)


def sequence_token_ratio(logp_BT: Tensor, old_logp_BT: Tensor, mask_BT: Tensor) -> Tensor:
    """s_i,t = sg[s_i] pi_t / sg[pi_t]: the same value, the gradient at each token its own: GSPO-token (eq. 14)."""
    sequence_BT = sequence_ratio(logp_BT, old_logp_BT, mask_BT).detach()
    return sequence_BT * (logp_BT - logp_BT.detach()).exp()


def _mean_log_ratio(logp_BT: Tensor, old_logp_BT: Tensor, mask_BT: Tensor) -> Tensor:
    difference_BT = torch.where(mask_BT > 0, logp_BT - old_logp_BT, 0.0)
    mean_B = difference_BT.sum(1) / mask_BT.sum(1).clamp(min=1.0)
    return mean_B.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def clipped(
    ratio_BT: Tensor, advantage_BT: Tensor, low: float | None, high: float | None, dual: float | None = None
) -> Surrogate:
    """-min(r A, clip(r, 1 - low, 1 + high) A): PPO (1707.06347, eq. 7), with two bounds as in DAPO (2503.14476).

    Its gradient is -A dr, but 0 where A > 0 and r > 1 + high, or A < 0 and r < 1 - low. None: no bound on that side.
    dual: where A < 0 the loss is at most -dual A (dual-clip, 1912.09729); off in every recipe of the sheet.
    """
    bounded_BT = _bounded(ratio_BT, low, high)
    loss_BT = -torch.minimum(ratio_BT * advantage_BT, bounded_BT * advantage_BT)
    low_BT, high_BT = _cut(ratio_BT, advantage_BT, low, high)
    if dual is not None:
        ceiling_BT = -dual * advantage_BT
        beyond_BT = (advantage_BT < 0) & (loss_BT > ceiling_BT)
        loss_BT = torch.where(beyond_BT, ceiling_BT, loss_BT)
        high_BT = torch.maximum(high_BT, beyond_BT.to(high_BT.dtype))
    return Surrogate(loss_BT, low_BT, high_BT)


def score(logp_BT: Tensor, advantage_BT: Tensor) -> Surrogate:
    """-A log pi: the score function, with no ratio and no clip (RLOO, RAFT). Right for one update a rollout."""
    none_BT = torch.zeros_like(advantage_BT)
    return Surrogate(-advantage_BT * logp_BT, none_BT, none_BT)


def capped_weight(
    logp_BT: Tensor, ratio_BT: Tensor, advantage_BT: Tensor, low: float | None, high: float | None
) -> Surrogate:
    """-sg[clip(r, 1 - low, 1 + high)] A log pi: CISPO (MiniMax-M1, 2506.13585). No token loses its gradient.

    The clip statistics say where the weight was capped.
    """
    weight_BT = _bounded(ratio_BT.detach(), low, high)
    none_BT = torch.zeros_like(advantage_BT)
    low_BT = none_BT if low is None else (ratio_BT.detach() < 1.0 - low).to(advantage_BT.dtype)
    high_BT = none_BT if high is None else (ratio_BT.detach() > 1.0 + high).to(advantage_BT.dtype)
    return Surrogate(-weight_BT * advantage_BT * logp_BT, low_BT, high_BT)


def mirror(logp_BT: Tensor, old_logp_BT: Tensor, advantage_BT: Tensor, mask_BT: Tensor, tau: float) -> Surrogate:
    """(r - r_mean - tau l)^2 / 2 tau, l = sum over tokens of log pi/pi_old: Kimi k1.5 (2501.12599, eq. 3).

    The paper's loss is the square; divided by 2 tau its gradient at l = 0 is -(r - r_mean) grad log pi, as every other
    surrogate's, and the learning rate means the same. The loss of the sequence is spread over its tokens: with
    `seq-mean-token-sum` they add up to it.
    """
    length_B = mask_BT.sum(1).clamp(min=1.0)
    total_B = torch.where(mask_BT > 0, logp_BT - old_logp_BT, 0.0).sum(1)
    reward_B = (advantage_BT * mask_BT).sum(1) / length_B
    loss_B = (reward_B - tau * total_B) ** 2 / (2.0 * tau)
    none_BT = torch.zeros_like(advantage_BT)
    return Surrogate((loss_B / length_B)[:, None] * mask_BT, none_BT, none_BT)


def uncut(ratio_BT: Tensor, advantage_BT: Tensor, low: float | None, high: float | None) -> Tensor:
    """1 where PPO's clip would leave the gradient alone: CISPO's unified mask (2506.13585, eq. 7)."""
    low_BT, high_BT = _cut(ratio_BT, advantage_BT, low, high)
    return (1.0 - low_BT) * (1.0 - high_BT)


def _bounded(ratio_BT: Tensor, low: float | None, high: float | None) -> Tensor:
    return ratio_BT.clamp(None if low is None else 1.0 - low, None if high is None else 1.0 + high)


def _cut(ratio_BT: Tensor, advantage_BT: Tensor, low: float | None, high: float | None) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        none_BT = torch.zeros_like(advantage_BT)
        high_BT = none_BT if high is None else ((advantage_BT > 0) & (ratio_BT > 1.0 + high)).to(none_BT.dtype)
        low_BT = none_BT if low is None else ((advantage_BT < 0) & (ratio_BT < 1.0 - low)).to(none_BT.dtype)
    return low_BT, high_BT
