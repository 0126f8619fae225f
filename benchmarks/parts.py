"""The rollout path of a training run without its learner, and vLLM alone with the same settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.common import say
from cluster import runtime
from cluster.engine_pool import EnginePool
from cluster.on_paper import need_of
from cluster.placement import plan
from cluster.ray_engine import RayEngine
from cluster.verifier_service import VerifierService
from rlhf.data.load import load_prompts
from rlhf.models.resolve import load_tokenizer
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.engine_options import EngineSpec, engine_arguments, engine_environment
from rlhf.rollout.rollouter import Rollouter
from rlhf.types import Prompt


def load_all(recipe: TrainRecipe) -> tuple[Prompt, ...]:
    return load_prompts(recipe.data, load_tokenizer(Path(recipe.policy.model))).train


def max_model_len(recipe: TrainRecipe, prompts: Sequence[Prompt]) -> int:
    return max(len(p.token_ids) for p in prompts) + recipe.rollout.max_response_tokens


def engine_spec(recipe: TrainRecipe, length: int, cpus: tuple[tuple[int, ...], ...]) -> EngineSpec:
    return EngineSpec("engine-0", recipe.policy.model, recipe.policy.dtype, recipe.rollout, length, seed=0, cpus=cpus)


def bare_arguments(recipe: TrainRecipe, length: int) -> tuple[dict[str, str], dict[str, Any]]:
    """(environment, arguments of `vllm.LLM`): an engine's own, without what publishing weights needs."""
    assert recipe.cluster.cpus_per_node is not None
    spec = engine_spec(recipe, length, (tuple(range(recipe.cluster.cpus_per_node)),))
    arguments = engine_arguments(spec)
    for name in ("worker_extension_cls", "weight_transfer_config", "enable_log_requests"):
        del arguments[name]
    return engine_environment(spec) | {"VLLM_PLUGINS": ""}, arguments


@asynccontextmanager
async def rollout_path(recipe: TrainRecipe) -> AsyncIterator[tuple[Rollouter, tuple[Prompt, ...]]]:
    """Engines and verifiers as a training run places them on an embedded Ray; ended on leaving."""
    prompts = load_all(recipe)
    tokenizer = load_tokenizer(Path(recipe.policy.model))
    ray = runtime.connect(recipe.cluster)
    group, verifying, engines = None, None, None
    try:
        layout = plan(ray.nodes, need_of(recipe, "cpu"))
        group = await runtime.place(layout)
        options = [runtime.options(group, layout, bundle) for bundle in layout.of("verifier")]
        verifying = VerifierService(options, recipe.verify, recipe.reward, say)
        bundles = layout.of("engine")
        length = max_model_len(recipe, prompts)

        def make(index: int) -> RayEngine:
            spec = engine_spec(recipe, length, bundles[index].cores)
            return RayEngine(spec, runtime.options(group, layout, bundles[index]), None)

        engines = EnginePool(len(bundles), make, say)
        await asyncio.gather(verifying.start(), engines.start())
        yield (
            Rollouter(
                engines,
                verifying,
                lambda ids: tokenizer.decode(ids, skip_special_tokens=True),
                recipe.reward,
                recipe.rollout,
                recipe.algorithm.group_size,
            ),
            prompts,
        )
    finally:
        if engines is not None:
            await engines.close()
        if verifying is not None:
            await verifying.close()
        runtime.shutdown(ray, group)
