"""Advantages. Axes: G samples of one prompt; B sequences, T response positions (padded).

All of it runs once a step, on the whole batch, in float64, with no gradient.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def group_mean_baseline(rewards_G: Tensor) -> Tensor:
    """A_i = R_i - mean(R): Dr.GRPO (2503.20783, eq. 3), Kimi k1.5; the mean includes the sample itself."""
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


def leave_one_out(rewards_G: Tensor) -> Tensor:
    """A_i = R_i - mean of the others = G/(G-1) (R_i - mean(R)): RLOO (2402.14740)."""
    count = len(rewards_G)
    if count < 2:
        raise ValueError("leave-one-out needs two samples of a prompt or more")
    return group_mean_baseline(rewards_G) * (count / (count - 1))


def token_rewards(rewards_B: Tensor, mask_BT: Tensor, penalty_BT: Tensor | None = None) -> Tensor:
    """-penalty at every token, and the sequence's reward at its last one: KL in the reward (PPO, REINFORCE++).

    A sequence with no token keeps none of its reward.
    """
    tokens_BT = -penalty_BT * mask_BT if penalty_BT is not None else torch.zeros_like(mask_BT)
    return tokens_BT + rewards_B[:, None] * last_token(mask_BT)


def last_token(mask_BT: Tensor) -> Tensor:
    """1 at the last position whose mask is 1, [B, T]."""
    after_BT = mask_BT.flip(1).cumsum(1).flip(1)
    return ((after_BT == 1) & (mask_BT > 0)).to(mask_BT.dtype)


def reward_to_go(reward_BT: Tensor, mask_BT: Tensor, gamma: float = 1.0) -> Tensor:
    """G_t = r_t + gamma G_{t+1} over the tokens with mask 1; 0 elsewhere."""
    zeros = torch.zeros_like(reward_BT)
    return gae(reward_BT, zeros, mask_BT, gamma, torch.ones(len(reward_BT), dtype=reward_BT.dtype))


def gae(reward_BT: Tensor, value_BT: Tensor, mask_BT: Tensor, gamma: float, lambda_B: Tensor) -> Tensor:
    """Generalised advantage estimation (1506.02438), with one lambda a sequence.

    delta_t = r_t + gamma V_{t+1} - V_t, A_t = delta_t + gamma lambda A_{t+1}; V after the last token is 0. Tokens with
    mask 0 (a tool's output, say) are not there: V and A pass over them unchanged.
    """
    advantage_BT = torch.zeros_like(reward_BT)
    next_value_B = torch.zeros_like(reward_BT[:, 0])
    next_advantage_B = torch.zeros_like(next_value_B)
    for t in reversed(range(reward_BT.shape[1])):
        here_B = mask_BT[:, t] > 0
        delta_B = reward_BT[:, t] + gamma * next_value_B - value_BT[:, t]
        found_B = delta_B + gamma * lambda_B * next_advantage_B
        next_advantage_B = torch.where(here_B, found_B, next_advantage_B)
        next_value_B = torch.where(here_B, value_BT[:, t], next_value_B)
        advantage_BT[:, t] = torch.where(here_B, found_B, 0.0)
    return advantage_BT


def length_adaptive_lambda(length_B: Tensor, alpha: float) -> Tensor:
    """lambda = 1 - 1/(alpha l), so that the weights lambda^t sum to alpha l: VAPO (2504.05118, eq. 9).

    For l <= 1/alpha that is 0 or less; it is clamped to 0 (our choice: the paper's responses are never so short).
    """
    return (1.0 - 1.0 / (alpha * length_B.clamp(min=1))).clamp(min=0.0)


def whitened(values_BT: Tensor, mask_BT: Tensor, eps: float = 1e-8) -> Tensor:
    """(x - mean) / sqrt(var + eps) over all tokens of the global batch, variance with ddof 1; 0 where the mask is 0.

    Long responses weigh more in the statistics, having more tokens. One token alone has no variance: it becomes 0.
    """
    count = mask_BT.sum()
    centred_BT = (values_BT - (values_BT * mask_BT).sum() / count.clamp(min=1.0)) * mask_BT
    variance = (centred_BT**2).sum() / (count - 1.0).clamp(min=1.0)
    return centred_BT / (variance + eps).sqrt()


def explained_variance(returns_N: Tensor, values_N: Tensor) -> float:
    """1 - Var(returns - values) / Var(returns): 1 is perfect, 0 as good as a constant. NaN where returns are equal."""
    variance = returns_N.var(correction=0)
    if float(variance) == 0.0:
        return float("nan")
    return float(1.0 - (returns_N - values_N).var(correction=0) / variance)


def soft_baseline(rewards_G: Tensor, tau: float) -> Tensor:
    """tau log mean exp(R / tau): Kimi k1.5's tau log Z; the mean as tau grows, the largest reward as it falls to 0."""
    return tau * (torch.logsumexp(rewards_G / tau, 0) - math.log(len(rewards_G)))
