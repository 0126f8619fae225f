"""An algorithm: an advantage, a surrogate and an aggregation. One small definition each; see grpo.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from rlhf.algorithms.aggregation import token_weights, weighted_sum
from rlhf.algorithms.loss_types import LossInputs, LossOutput
from rlhf.algorithms.surrogates import Surrogate
from rlhf.recipe.schema import AlgorithmConfig

AdvantageFn = Callable[[Tensor, AlgorithmConfig], Tensor]
SurrogateFn = Callable[[LossInputs, AlgorithmConfig], Surrogate]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """advantage: rewards_G -> advantage_G of one group. surrogate: token losses. aggregation: default rule."""

    name: str
    summary: str
    advantage: AdvantageFn
    surrogate: SurrogateFn
    aggregation: str

    def loss(self, inputs: LossInputs, config: AlgorithmConfig, norm_length: int) -> LossOutput:
        """This micro-batch's share of the loss of the global batch.

        norm_length: divisor of seq-mean-token-sum-norm where the recipe gives none (the response budget).
        """
        surrogate = self.surrogate(inputs, config)
        weights_BT = token_weights(
            config.aggregation or self.aggregation,
            inputs.mask_BT,
            inputs.global_tokens,
            inputs.global_sequences,
            config.norm_length or norm_length,
        )
        loss = weighted_sum(surrogate.loss_BT, weights_BT)
        sums = {
            "policy_loss": loss.detach(),
            "clipped_low_tokens": (surrogate.clipped_low_BT * inputs.mask_BT).sum().detach(),
            "clipped_high_tokens": (surrogate.clipped_high_BT * inputs.mask_BT).sum().detach(),
        }
        if config.entropy_coef > 0.0:
            if inputs.entropy_BT is None:
                raise ValueError("algorithm.entropy_coef needs the entropy of every token, with its gradient")
            bonus = weighted_sum(inputs.entropy_BT, weights_BT)
            loss = loss - config.entropy_coef * bonus
            sums["entropy_bonus"] = bonus.detach()
        return LossOutput(loss, sums)
