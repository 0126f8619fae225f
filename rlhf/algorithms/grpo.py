"""GRPO: group relative policy optimisation (DeepSeekMath, 2402.03300; DeepSeek-R1, 2501.12948).

The advantage of a response is its reward, normalised within the group of samples of its prompt, the same for
all of its tokens; the surrogate is PPO's; the loss is the mean over responses of the mean over their tokens.
"""

from __future__ import annotations

from torch import Tensor

from rlhf.algorithms.advantages import group_normalised
from rlhf.algorithms.base import Algorithm
from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.loss_types import LossInputs
from rlhf.algorithms.surrogates import Surrogate, clipped_ratio
from rlhf.recipe.schema import AlgorithmConfig


def advantage(rewards_G: Tensor, config: AlgorithmConfig) -> Tensor:
    return group_normalised(rewards_G, config.advantage_eps)


def surrogate(inputs: LossInputs, config: AlgorithmConfig) -> Surrogate:
    return clipped_ratio(inputs.logp_BT, inputs.old_logp_BT, inputs.advantage_BT, config.clip_low, config.clip_high)


GRPO = Algorithm("grpo", CATALOG["grpo"], advantage, surrogate, aggregation="seq-mean-token-mean")
