"""Do the learner and the engine give the same tokens the same log-probabilities? Figures, bounds, and the refusal.

A policy gradient weighs what the engine sampled by what the learner computes; where the two differ, it learns from an
importance ratio that means nothing. Rounding differs a little; a kernel that leaks between packed sequences, a rotary
embedding read otherwise or a layer's missing norm differ a lot, and without this they do so silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlhf.types import TrainSequence

FAR = 0.1
"""Nats: in a bfloat16 mixture of experts a token this far off was most likely routed to another expert."""


class ParityError(RuntimeError):
    """Engine and learner disagree; the message holds the figures. Training would learn from noise."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Largest allowed |logp_learner - logp_engine|: of one token, and on average; None: not bounded."""

    max_abs: float | None
    mean_abs: float | None

    @classmethod
    def of(cls, dtype: str, mixture_of_experts: bool) -> Bounds:
        """float32: 1e-4 a token. bfloat16: 0.02 on average, 0.1 where rounding may send tokens to other experts."""
        if dtype == "float32":
            return cls(1e-4, None)
        return cls(None, 0.1 if mixture_of_experts else 0.02)


@dataclass(frozen=True, slots=True)
class Parity:
    """Of one comparison. far: tokens that differ by more than FAR."""

    what: str
    tokens: int
    mean_abs: float
    max_abs: float
    far: int

    def __str__(self) -> str:
        return (
            f"{self.what}: {self.tokens} tokens, mean |difference| {self.mean_abs:.2g}, largest {self.max_abs:.2g}, "
            f"{self.far} beyond {FAR:g}"
        )

    def within(self, bounds: Bounds) -> bool:
        """False for NaN too."""
        largest = bounds.max_abs is None or self.max_abs <= bounds.max_abs
        return largest and (bounds.mean_abs is None or self.mean_abs <= bounds.mean_abs)


def compare(what: str, sequences: Sequence[TrainSequence], learner_logp: Sequence[np.ndarray]) -> Parity:
    """learner_logp: [R] of each sequence; the engine's stand in the sequences."""
    gap = np.abs(
        np.concatenate([learner - s.behaviour_logp_R for s, learner in zip(sequences, learner_logp, strict=True)])
    )
    return Parity(what, len(gap), float(gap.mean()), float(gap.max()), int((gap > FAR).sum()))


def require(found: Sequence[Parity], bounds: Bounds, model: str, dtype: str) -> None:
    """Raises ParityError naming every comparison that is out of bounds."""
    failed = [parity for parity in found if not parity.within(bounds)]
    if not failed:
        return
    allowed = f"a mean of {bounds.mean_abs:g}" if bounds.max_abs is None else f"{bounds.max_abs:g} a token"
    figures = "".join(f"\n  {parity}" for parity in found)
    raise ParityError(
        f"{model} ({dtype}): learner and engine give the same tokens other log-probabilities (allowed: {allowed})"
        f"{figures}\n{_advice(found, failed)}"
    )


def _advice(found: Sequence[Parity], failed: Sequence[Parity]) -> str:
    if len(failed) < len(found):
        return "Some layouts agree: write policy.packing: padded if the packed ones are those that fail."
    return (
        "This architecture, or one of its attention kernels, cannot be trained with these versions of transformers and "
        "vLLM; try policy.dtype: float32 to see whether rounding is to blame, and please report the model."
    )
