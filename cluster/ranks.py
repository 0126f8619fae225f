"""The DeepSpeed ranks of a run: what each is told, and where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster import runtime
from cluster.learner_group import CriticGroup, LearnerGroup
from cluster.own_reference import OwnReference
from cluster.placement import Bundle, Plan
from rlhf.algorithms import resolve
from rlhf.learner.environment import cpu_environment
from rlhf.learner.spec import LearnerSpec
from rlhf.protocols import Learner, ReferencePolicy
from rlhf.recipe.schema import LearnerConfig, TrainRecipe
from rlhf.updates.reference import BesideLearner

if TYPE_CHECKING:
    from ray.util.placement_group import PlacementGroup


class Ranks:
    """transfer: how weights reach the engines."""

    def __init__(self, recipe: TrainRecipe, layout: Plan, group: PlacementGroup, device: str, transfer: str) -> None:
        self._recipe, self._layout, self._group, self._device = recipe, layout, group, device
        self._transfer = transfer

    def learner(self, model_dir: Path) -> LearnerGroup:
        recipe, bundles = self._recipe, self._layout.of("learner")
        reference = resolve(recipe.algorithm).reference and recipe.algorithm.kl.host == "learner"
        specs = [
            self._spec(bundle, recipe.learner, model_dir, weight_transfer=self._transfer, reference=reference)
            for bundle in bundles
        ]
        options = [self._on_cpu(runtime.options(self._group, self._layout, b)) for b in bundles]
        return LearnerGroup(
            specs,
            options,
            str(model_dir),
            recipe.algorithm,
            recipe.rollout.max_response_tokens,
            _one_node(bundles),
        )

    def critic(self, model_dir: Path, rank_gpus: Sequence[str]) -> CriticGroup:
        """rank_gpus: of each learner rank, which the critic's share."""
        bundles = self._layout.of("critic")
        specs = [self._spec(bundle, self._critic_config(), model_dir) for bundle in bundles]
        options = [self._on_cpu(runtime.riding_options(self._group, self._layout, b, rank_gpus)) for b in bundles]
        return CriticGroup(specs, options, _one_node(bundles))

    def reference(self, model_dir: Path, learner: Learner, folder: Path) -> ReferencePolicy | None:
        """Where the algorithm has one: beside the learner, or in an actor of its own whose weights lie in `folder`."""
        kl = self._recipe.algorithm.kl
        if not resolve(self._recipe.algorithm).reference:
            return None
        if kl.host == "learner":
            return BesideLearner(learner, kl)
        (bundle,) = self._layout.of("reference")
        options = self._on_cpu(runtime.options(self._group, self._layout, bundle))
        spec = replace(self._spec(bundle, self._recipe.learner, model_dir), world_size=1)
        return OwnReference(spec, options, learner, kl, folder)

    def _critic_config(self) -> LearnerConfig:
        """The learner's, with the critic's own schedule and clipping."""
        asked, rules = self._recipe.algorithm.critic, resolve(self._recipe.algorithm).value
        assert rules is not None
        own = {
            "learning_rate": rules.learning_rate,
            "warmup_steps": asked.warmup_steps,
            "gradient_clip": asked.gradient_clip,
            "lora": None,
        }
        return self._recipe.learner.model_copy(update=own)

    def _spec(self, bundle: Bundle, learner: LearnerConfig, model_dir: Path, **more: Any) -> LearnerSpec:
        recipe = self._recipe
        return LearnerSpec(
            policy=recipe.policy,
            learner=learner,
            model_dir=str(model_dir),
            seed=recipe.run.seed,
            device="cuda:0" if self._device == "gpu" else "cpu",
            rank=bundle.index,
            world_size=recipe.learner.ranks,
            threads=len(bundle.cores[0]) if bundle.cores else 1,
            engine_workers=recipe.rollout.tensor_parallel,
            **more,
        )

    def _on_cpu(self, options: dict[str, Any]) -> dict[str, Any]:
        if self._device != "cpu":
            return options
        return runtime.with_environment(options, cpu_environment(alone=self._recipe.trainer.max_staleness == 0))


def _one_node(bundles: Sequence[Bundle]) -> bool:
    return len({bundle.node for bundle in bundles}) == 1
