"""What `iou` and `map` make of a measure between 0 and 1."""

from __future__ import annotations

from verifiers.base import Verdict

ROUNDING = 1e-9
"""How far below a threshold rounding may take what reaches it."""


def check_threshold(threshold: float) -> None:
    """Raises ValueError for a threshold that no measure can pass or fail."""
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"threshold: found {threshold!r}; write a share above 0.0 and at most 1.0, e.g. 0.5")


def graded(measure: float, threshold: float, partial_credit: bool, shown: str, reason: str) -> Verdict:
    """Correct where the measure reaches the threshold; else wrong, with the measure as partial credit."""
    if measure >= threshold - ROUNDING:
        return Verdict.correct(shown, reason)
    return Verdict.wrong(shown, reason, measure if partial_credit else 0.0)
