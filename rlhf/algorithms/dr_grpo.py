"""Dr.GRPO (2503.20783): GRPO less its two biases. The advantage is not divided by the group's deviation (which
favours very easy and very hard prompts), nor the loss by the response's length (which favours long wrong ones).
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from rlhf.algorithms.advantages import group_mean_baseline
from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.grpo import GRPO
from rlhf.recipe.schema import AlgorithmConfig


def advantage(rewards_G: Tensor, config: AlgorithmConfig) -> Tensor:
    return group_mean_baseline(rewards_G)


DR_GRPO = replace(
    GRPO, name="dr_grpo", summary=CATALOG["dr_grpo"], advantage=advantage, aggregation="seq-mean-token-sum-norm"
)
