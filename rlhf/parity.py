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
    """Largest allowed |logp_learner - logp_engine|: of one token, on average, and on average over the tokens that are
    not FAR; None: not bounded."""

    max_abs: float | None
    mean_abs: float | None
    mean_near: float | None = None

    @classmethod
    def of(cls, dtype: str, mixture_of_experts: bool) -> Bounds:
        """float32: 1e-4 a token. bfloat16: 0.02 on average, 0.1 where rounding may send tokens to other experts.

        Of a mixture of experts the tokens that are not FAR must agree almost as those of a dense model do: a kernel
        that is a little wrong everywhere would hide behind the 0.1 otherwise. Almost, for the gate does not see routes,
        and a flipped one need not take a token far (0.021 measured over 13 layers, where the tests bound 0.02 of tokens
        whose routes agree).
        """
        if dtype == "float32":
            return cls(1e-4, None)
        return cls(None, 0.1, 0.03) if mixture_of_experts else cls(None, 0.02)

    def __str__(self) -> str:
        if self.max_abs is not None:
            return f"{self.max_abs:g} a token"
        near = "" if self.mean_near is None else f", {self.mean_near:g} without the tokens beyond {FAR:g}"
        return f"a mean of {self.mean_abs:g}{near}"


@dataclass(frozen=True, slots=True)
class Parity:
    """Of one comparison. far: tokens that differ by more than FAR; mean_near: of all others."""

    what: str
    tokens: int
    mean_abs: float
    max_abs: float
    far: int
    mean_near: float

    def __str__(self) -> str:
        others = f" (the others' mean {self.mean_near:.2g})" if self.far else ""
        return (
            f"{self.what}: {self.tokens} tokens, mean |difference| {self.mean_abs:.2g} nats, "
            f"largest {self.max_abs:.2g}, {self.far} beyond {FAR:g}{others}"
        )

    def within(self, bounds: Bounds) -> bool:
        """False for NaN too."""
        pairs = (
            (self.max_abs, bounds.max_abs),
            (self.mean_abs, bounds.mean_abs),
            (self.mean_near, bounds.mean_near),
        )
        return all(bound is None or value <= bound for value, bound in pairs)


def compare(what: str, sequences: Sequence[TrainSequence], learner_logp: Sequence[np.ndarray]) -> Parity:
    """learner_logp: [R] of each sequence; the engine's stand in the sequences."""
    gap = np.abs(
        np.concatenate([learner - s.behaviour_logp_R for s, learner in zip(sequences, learner_logp, strict=True)])
    )
    near = gap[~(gap > FAR)]
    mean_near = float(near.mean()) if len(near) else 0.0
    return Parity(what, len(gap), float(gap.mean()), float(gap.max()), int((gap > FAR).sum()), mean_near)


def require(found: Sequence[Parity], bounds: Bounds, model: str, dtype: str, kernels: str = "") -> None:
    """Raises ParityError naming every comparison that is out of bounds. kernels: those that are not softmax, named."""
    failed = [parity for parity in found if not parity.within(bounds)]
    if not failed:
        return
    figures = "".join(f"\n  {parity}" for parity in found)
    raise ParityError(
        f"{model} ({dtype}): learner and engine give the same tokens other log-probabilities (allowed: {bounds})"
        f"{figures}\n{_advice(found, failed, kernels)}"
    )


def _advice(found: Sequence[Parity], failed: Sequence[Parity], kernels: str) -> str:
    if len(failed) < len(found) and kernels:
        return (
            f"Some layouts agree, so one of {kernels} may leak between sequences: try learner.share_prompts: false, "
            "then softmax in its layers; and please report it."
        )
    if len(failed) < len(found):
        return "Some layouts agree: write policy.packing: padded if the packed ones are those that fail."
    return (
        "This architecture, or one of its attention kernels, cannot be trained with these versions of transformers and "
        "vLLM; try policy.dtype: float32 to see whether rounding is to blame, and please report the model."
    )
