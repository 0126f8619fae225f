"""The repetition stop of MiniMax-M1 (2506.13585, section 4.2): a long run of certain tokens is a loop. Axis: R tokens.

vLLM can end a request by a token alone, so its process forces the end token once the run is complete
(`certain_stop.py`), and here that token, which nothing sampled, is taken off again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rlhf.recipe.schema import RepetitionConfig

_ROUNDING = 1e-3  # of a probability: the run was counted in another process


def certain_run_end(probability_R: Sequence[float] | np.ndarray, run: int, threshold: float) -> int | None:
    """Index of the token that completes `run` consecutive tokens above `threshold`: there MiniMax-M1 (2506.13585,
    section 4.2; run 3000, threshold 0.99) ends the response. None: it never comes to that."""
    count = 0
    for index, probability in enumerate(probability_R):
        count = count + 1 if probability > threshold else 0
        if count == run:
            return index
    return None


def ended_by_force(token_ids_R: np.ndarray, logp_R: np.ndarray, rules: RepetitionConfig, end: int) -> bool:
    """Whether the last token was forced: the end token with probability 1, right after a whole run of certain ones."""
    run = rules.certain_tokens
    if run == 0 or len(token_ids_R) <= run or int(token_ids_R[-1]) != end or float(logp_R[-1]) != 0.0:
        return False
    return bool((np.exp(logp_R[-1 - run : -1]) > rules.certain_probability - _ROUNDING).all())
