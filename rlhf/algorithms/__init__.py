"""The algorithms, by name. Pure functions of tensors: nothing here knows Ray, vLLM or DeepSpeed."""

from __future__ import annotations

import difflib

from rlhf.algorithms.base import Algorithm
from rlhf.algorithms.dr_grpo import DR_GRPO
from rlhf.algorithms.grpo import GRPO

ALGORITHMS: dict[str, Algorithm] = {a.name: a for a in (GRPO, DR_GRPO)}


def get(name: str) -> Algorithm:
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    near = difflib.get_close_matches(name, ALGORITHMS) or sorted(ALGORITHMS)
    raise ValueError(f"unknown algorithm {name!r}; write {' or '.join(near)}")
