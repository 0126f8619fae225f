"""An algorithm: a definition, and the two functions that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.definition import Definition
from rlhf.algorithms.experience import Advantages, Experience, advantages
from rlhf.algorithms.loss_types import LossInputs, LossOutput
from rlhf.algorithms.policy_loss import policy_loss


@dataclass(frozen=True, slots=True)
class Algorithm:
    """advantages: once a step, of the whole batch. loss: of a micro-batch, its share of the batch's."""

    definition: Definition

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def summary(self) -> str:
        return self.definition.summary

    def advantages(self, experience: Experience) -> Advantages:
        return advantages(experience, self.definition)

    def loss(self, inputs: LossInputs, norm_length: float) -> LossOutput:
        """norm_length: divisor of seq-mean-token-sum-norm."""
        return policy_loss(inputs, self.definition, norm_length)


ALGORITHMS: Mapping[str, Algorithm] = {name: Algorithm(definition) for name, definition in CATALOG.items()}
"""Every algorithm as it is defined; a recipe's overrides are applied by `algorithm_of`."""
