"""Rewards that depend on how an answer was written. Axis: G samples of one prompt. Added to the verifiers' reward."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.algorithms.definition import Shaping


def overlong_penalty(length_G: Tensor, max_length: int, buffer: int) -> Tensor:
    """Soft overlong punishment: DAPO (2503.14476, eq. 13).

    0 up to max_length - buffer tokens, falling linearly to -1 at max_length, -1 beyond.
    """
    return ((max_length - buffer - length_G) / buffer).clamp(-1.0, 0.0)


def length_reward(length_G: Tensor, correct_G: Tensor) -> Tensor:
    """lambda = 0.5 - (len - min)/(max - min) if correct, min(0, lambda) if not: Kimi k1.5 (2501.12599, section 2.3.3).

    min and max are over all samples of the prompt, right and wrong; 0 where all are of one length. A lone correct
    sample that is the longest gets -0.5: keep the weight so small that it does not fall below a wrong one.
    """
    shortest, longest = length_G.min(), length_G.max()
    if longest == shortest:
        return torch.zeros_like(length_G)
    value_G = 0.5 - (length_G - shortest) / (longest - shortest)
    return torch.where(correct_G > 0, value_G, value_G.clamp(max=0.0))


def shaped(length_G: Tensor, correct_G: Tensor, looping_G: Tensor, rules: Shaping, step: int) -> dict[str, Tensor]:
    """What is added to the rewards of one prompt's samples, by name; the parts whose weight is 0 are not there.

    looping_G: 1 where a response repeats itself to its end.
    """
    parts = {}
    if rules.overlong > 0.0:
        parts["overlong"] = rules.overlong * overlong_penalty(length_G, rules.max_tokens, rules.overlong_buffer)
    if rules.length > 0.0 and step >= rules.length_from_step:
        parts["length"] = rules.length * length_reward(length_G, correct_G)
    if rules.repetition > 0.0:
        parts["repetition"] = -rules.repetition * looping_G
    return parts
