"""What a stage of a distillation is told: plain data, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rlhf.recipe.distill_schema import DistillStageConfig

StageName = Literal["attention", "logits"]
STAGES: tuple[StageName, ...] = ("attention", "logits")


@dataclass(frozen=True, slots=True)
class DistillStage:
    """name: what is matched. config: its section of the recipe. mixers_only: nothing else learns."""

    name: StageName
    config: DistillStageConfig
    mixers_only: bool

    def learning_rate_at(self, update: int) -> float:
        """Of update number `update`, counted from 0: linear up from learning_rate / warmup_steps, then linear down to
        final_rate * learning_rate, which the last update has."""
        config = self.config
        if update < config.warmup_steps:
            return config.learning_rate * (update + 1) / config.warmup_steps
        after = max(1, config.steps - 1 - config.warmup_steps)
        share = min(1.0, (update - config.warmup_steps) / after)
        return config.learning_rate * (1.0 - share * (1.0 - config.final_rate))
