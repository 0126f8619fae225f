"""Name -> algorithm: every algorithm that a recipe may name."""

from __future__ import annotations

from rlhf.algorithms.base import Algorithm
from rlhf.algorithms.dr_grpo import DR_GRPO
from rlhf.algorithms.grpo import GRPO

ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in (GRPO, DR_GRPO)}
