"""What comes before the first step of reinforcement learning, once the policy is warmed up."""

from __future__ import annotations

from rlhf.parts import Parts
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.rollouter import Rollouter
from rlhf.stages.probe import probe
from rlhf.updates.step import Updates


async def prepare(recipe: TrainRecipe, parts: Parts, rollouter: Rollouter, updates: Updates) -> bool:
    """Probe the prompts, fix the reference, pretrain the critic, as the recipe asks. Whether anything took time."""
    probes = recipe.data.sampling.probes
    if probes:
        probed = await probe(recipe, rollouter, parts.prompts.train, parts.encode, parts.view)
        parts.view.note(parts.sampler.learn(probed))
    prompts = [parts.prompts.train[i] for i in parts.sampler.trained_on]
    facts = await updates.begin(rollouter, prompts, parts.view)
    if facts and parts.critic is not None:
        folder = parts.run_folder / "critic_pretrained"
        await parts.critic.export(folder)
        parts.view.note(f"the pretrained critic: {folder} (for another run's algorithm.critic.model)")
    parts.record.value_pretraining(facts)
    return probes or bool(facts)
