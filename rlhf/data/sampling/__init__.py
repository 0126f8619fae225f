"""Which training prompt comes next."""

from __future__ import annotations

from rlhf.data.load import PromptSets
from rlhf.data.sampling.adaptive import AdaptiveSampler
from rlhf.data.sampling.epochs import EpochSampler
from rlhf.data.sampling.protocol import Probed, Sampler
from rlhf.recipe.schema import TrainRecipe

__all__ = ["AdaptiveSampler", "EpochSampler", "Probed", "Sampler", "make_sampler"]


def make_sampler(recipe: TrainRecipe, prompts: PromptSets) -> Sampler:
    """As the recipe's data.sampling asks: epochs, or by how well the policy does."""
    data, seed = recipe.data, recipe.run.seed
    if not data.sampling.adaptive:
        return EpochSampler(len(prompts.train), seed, data.shuffle, prompts.fingerprint)
    per_step = recipe.trainer.prompts_per_step
    return AdaptiveSampler(prompts.train, data.sampling, per_step, seed, prompts.fingerprint)
