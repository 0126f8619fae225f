"""Corrections for the mismatch of rollout engine and learner. Axes: B sequences, T tokens.

rho = pi_old / mu: the learner's probability at the start of the update over the engine's. Weights multiply the token
losses of the policy, never those of a KL term; they carry no gradient. Truncation and masking keep the loss's
denominators; rejection edits the mask, and with it the denominators (spec: recipes, section 8).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.algorithms.definition import Correction
from rlhf.algorithms.surrogates import MAX_LOG_RATIO, log_ratio


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The ratio of every token, and what is told of it. log_rho_BT is 0 where the mask is 0."""

    log_rho_BT: Tensor
    mask_BT: Tensor

    @classmethod
    def of(cls, old_logp_BT: Tensor, behaviour_logp_BT: Tensor, mask_BT: Tensor) -> Mismatch:
        return cls(torch.where(mask_BT > 0, log_ratio(old_logp_BT, behaviour_logp_BT), 0.0), mask_BT)

    @property
    def rho_BT(self) -> Tensor:
        return self.log_rho_BT.exp() * self.mask_BT

    @property
    def sequence_rho_B(self) -> Tensor:
        """Product over the tokens; beware of length: 1.1^100 is 13,781."""
        return self.log_rho_BT.sum(1).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()

    @property
    def geometric_rho_B(self) -> Tensor:
        return (self.log_rho_BT.sum(1) / self.mask_BT.sum(1).clamp(min=1.0)).exp()

    def kl(self) -> float:
        """KL(mu || pi_old) by k3, nats a token."""
        return float(self._k3_BT.sum() / self.mask_BT.sum().clamp(min=1.0))

    def beyond(self, factor: float) -> float:
        """F(tau): share of the tokens with max(rho, 1/rho) above `factor`."""
        far_BT = (self.log_rho_BT.abs() > math.log(factor)) * self.mask_BT
        return float(far_BT.sum() / self.mask_BT.sum().clamp(min=1.0))

    @property
    def k3_B(self) -> Tensor:
        """Mean over the tokens of rho - 1 - log rho: an estimate of KL(mu || pi_old), never negative."""
        return self._k3_BT.sum(1) / self.mask_BT.sum(1).clamp(min=1.0)

    @property
    def _k3_BT(self) -> Tensor:
        return (self.log_rho_BT.exp() - self.log_rho_BT - 1.0) * self.mask_BT


def token_tis(mismatch: Mismatch, low: float, high: float) -> Tensor:
    """min(rho, high): truncated importance sampling. `low` has no part in it."""
    return mismatch.rho_BT.clamp(max=high)


def token_mis(mismatch: Mismatch, low: float, high: float) -> Tensor:
    """rho where low <= rho <= high, else 0: masked importance sampling, IcePop."""
    rho_BT = mismatch.rho_BT
    return torch.where((rho_BT >= low) & (rho_BT <= high), rho_BT, 0.0)


def sequence_tis(mismatch: Mismatch, low: float, high: float) -> Tensor:
    return mismatch.sequence_rho_B.clamp(max=high)[:, None] * mismatch.mask_BT


def sequence_mis(mismatch: Mismatch, low: float, high: float) -> Tensor:
    """The sequence's rho, or 0 where it is above `high`."""
    rho_B = mismatch.sequence_rho_B
    return torch.where(rho_B <= high, rho_B, 0.0)[:, None] * mismatch.mask_BT


WEIGHTS: dict[str, Callable[[Mismatch, float, float], Tensor]] = {
    "token_tis": token_tis,
    "token_mis": token_mis,
    "sequence_tis": sequence_tis,
    "sequence_mis": sequence_mis,
}


def normaliser(weight_BT: Tensor, mask_BT: Tensor) -> float:
    """Mean weight over the tokens of the global batch, after truncation; dividing by it keeps the loss's scale."""
    return float((weight_BT * mask_BT).sum() / mask_BT.sum().clamp(min=1.0))


def effective_sample_size(weight_BT: Tensor, mask_BT: Tensor) -> float:
    """(sum w)^2 / (N sum w^2) over the tokens: 1 for equal weights, 1/N where one token has all."""
    weight_BT = weight_BT * mask_BT
    squares = float((weight_BT**2).sum() * mask_BT.sum())
    return float(weight_BT.sum()) ** 2 / squares if squares > 0.0 else 0.0


def geometric_keep(mismatch: Mismatch, low: float, high: float) -> Tensor:
    """[B] bool: the per-token geometric mean of rho is within [low, high]."""
    rho_B = mismatch.geometric_rho_B
    return (rho_B >= low) & (rho_B <= high)


def k3_keep(mismatch: Mismatch, low: float, high: float) -> Tensor:
    """[B] bool: the sequence's k3 is at most `high`."""
    return mismatch.k3_B <= high


KEEPS: dict[str, Callable[[Mismatch, float, float], Tensor]] = {"geometric": geometric_keep, "k3": k3_keep}


@dataclass(frozen=True, slots=True)
class Corrected:
    """mask_BT: without the responses that were rejected. weight_BT: factor of the token losses, or None for none."""

    mask_BT: Tensor
    weight_BT: Tensor | None


def correct(mismatch: Mismatch, rules: Correction) -> tuple[Corrected, dict[str, float]]:
    """The correction of a whole batch, and what is told of it."""
    facts = {"mismatch/kl": mismatch.kl(), "mismatch/beyond_2x": mismatch.beyond(2.0)}
    mask_BT, weight_BT = mismatch.mask_BT, None
    if rules.reject != "none":
        keep_B = KEEPS[rules.reject](mismatch, rules.reject_low, rules.reject_high)
        mask_BT = mask_BT * keep_B[:, None].to(mask_BT.dtype)
        facts["correction/rejected"] = 1.0 - float(keep_B.to(mask_BT.dtype).mean())
    if rules.weight != "none":
        weight_BT = WEIGHTS[rules.weight](mismatch, rules.low, rules.high)
        facts["correction/weight_mean"] = normaliser(weight_BT, mask_BT)
        facts["correction/effective_sample_size"] = effective_sample_size(weight_BT, mask_BT)
        if rules.normalise and facts["correction/weight_mean"] > 0.0:
            weight_BT = weight_BT / facts["correction/weight_mean"]
    return Corrected(mask_BT, weight_BT), facts
