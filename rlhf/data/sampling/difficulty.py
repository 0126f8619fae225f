"""How often a prompt is drawn, from how often it is solved; which are left out. Axis: N prompts. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def prioritised(success_N: Sequence[float] | np.ndarray, floor: float = 0.0) -> np.ndarray:
    """Probabilities in proportion to max(1 - success, floor): Kimi k1.5 (2501.12599, section 2.3.4).

    Without a floor a solved prompt is never met again (our choice: the recipe's floor is above 0). All solved and no
    floor: uniform.
    """
    weight_N = np.maximum(1.0 - np.asarray(success_N, np.float64), floor)
    total = weight_N.sum()
    return weight_N / total if total > 0.0 else np.full(len(weight_N), 1.0 / len(weight_N))


def guessed_away(p_guess: float, guesses: int) -> float:
    """Probability that the easy-to-hack filter removes a prompt whose answer a guess without thinking hits so often:
    it is removed if any of `guesses` is right (Kimi k1.5, section 2.1: 8)."""
    return 1.0 - (1.0 - p_guess) ** guesses


def within_band(pass_rate_N: Sequence[float], above: float | None, below: float | None) -> np.ndarray:
    """[N] bool: above < rate < below, each bound where there is one; MiniMax-M1 (2506.13585): (0, 0.9).

    A rate that is not known (NaN) is within any band: nothing speaks against the prompt.
    """
    rate_N = np.asarray(pass_rate_N, np.float64)
    keep_N = np.ones(len(rate_N), bool)
    if above is not None:
        keep_N &= ~(rate_N <= above)
    if below is not None:
        keep_N &= ~(rate_N >= below)
    return keep_N


def open_share(progress: float, start: float) -> float:
    """Share of the prompts, easiest first, that a curriculum has opened: from `start` to 1 as progress goes from 0 to
    1 (our choice: Kimi k1.5 says easy to hard, and not how)."""
    return min(1.0, start + (1.0 - start) * progress)
