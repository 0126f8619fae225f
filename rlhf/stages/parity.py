"""Before anything is learned: sample a little from an engine, and let the learner say what it thinks of the tokens.

Again after the first publication, where weights have changed before the first step: a warm-up, a checkpoint.

Prompts are short, and long enough to cross the windows and chunks that kernels work in; responses of 72 tokens cross a
chunk. The learner looks at them packed together, as in a step, and each alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlhf.metrics.live import LiveView
from rlhf.parity import Bounds, Parity, ParityError, compare, require
from rlhf.protocols import Engines, Learner
from rlhf.recipe.attention import LayerAttention, by_kernel, layers_of_config
from rlhf.recipe.attention_schema import SOFTMAX
from rlhf.recipe.model_config import BUILT
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.sampling import RawSample, Sampling
from rlhf.types import Prompt, TrainSequence

RESPONSE = 72  # tokens of a response, at most: more than a chunk of 64
PROMPT = 200  # tokens of the longest prompt, at least, if so many fit
_SAMPLES = 2


async def check_parity(
    recipe: TrainRecipe,
    learner: Learner,
    engines: Engines,
    prompts: Sequence[Prompt],
    model_dir: Path,
    view: LiveView,
) -> tuple[Parity, ...]:
    """Of the weights in model_dir, which both hold. Raises ParityError where they differ, unless `trainer.parity` says
    to warn; nothing is done where it says off."""
    if recipe.trainer.parity == "off":
        return ()
    view.stage("parity", "engine against learner")
    longest = recipe.rollout.max_response_tokens
    asked = min(RESPONSE, -(-longest // 2))
    config = json.loads((model_dir / "config.json").read_text("utf-8"))
    layers = _replaced(config)
    wanted = probe_length(layers, recipe.rollout.max_batched_tokens)
    chosen = probe_prompts([p.token_ids for p in prompts], longest - asked, wanted)
    sampling = Sampling(_SAMPLES, recipe.rollout.temperature, asked)
    answers = await asyncio.gather(*(engines.generate(ids, sampling) for ids in chosen))
    sequences = [
        _sequence(group, ids, sample)
        for group, (ids, samples) in enumerate(zip(chosen, answers, strict=True))
        for sample in samples
        if sample.segments
    ]
    temperature = recipe.rollout.temperature
    together = await learner.logp(sequences, temperature)
    alone = [(await learner.logp([sequence], temperature))[0] for sequence in sequences]
    found = (compare("packed together", sequences, together), compare("each alone", sequences, alone))
    bounds = Bounds.of(recipe.policy.dtype, has_experts(config))
    for parity in found:
        view.note(f"engine and learner, {parity}; allowed: {bounds}")
    kernels = ", ".join(kernel for kernel in by_kernel(layers) if kernel != SOFTMAX)
    try:
        require(found, bounds, recipe.policy.model, recipe.policy.dtype, kernels)
    except ParityError as error:
        if recipe.trainer.parity == "refuse":
            raise
        view.note(f"warning: {error}")
    return found


def probe_length(layers: Sequence[LayerAttention], batched: int | None) -> int:
    """Tokens of the longest prompt: two of the largest window, chunk or block of any layer and some more, and more than
    an engine runs at a time (batched), where that was said."""
    borders = (2 * layer.parsed().border + 8 for layer in layers)
    return max(PROMPT, 0 if batched is None else batched + 8, *borders)


def probe_prompts(prompts: Sequence[Sequence[int]], room: int, wanted: int = PROMPT) -> list[tuple[int, ...]]:
    """The shortest and the longest, and several in a row of up to `wanted` tokens; room: beyond the longest."""
    ordered = sorted({tuple(p) for p in prompts}, key=len)
    limit = min(wanted, len(ordered[-1]) + room)
    row: list[int] = []
    while len(row) < limit:
        for prompt in ordered:
            row += prompt
            if len(row) >= limit:
                break
    return list(dict.fromkeys([ordered[0], ordered[-1], tuple(row[:limit])]))


def has_experts(config: Mapping[str, Any]) -> bool:
    """Whether a model's config.json counts experts."""
    return any(config.get(key) for key in ("num_experts", "num_local_experts", "n_routed_experts"))


def _replaced(config: Mapping[str, Any]) -> tuple[LayerAttention, ...]:
    """The layers of a policy that was built with kernels of ours; else none."""
    built = str(config.get("model_type")).startswith(BUILT)
    return layers_of_config(config["attention"], config["num_hidden_layers"]) if built else ()


def _sequence(group: int, prompt_ids: Sequence[int], sample: RawSample) -> TrainSequence:
    ids = np.concatenate([segment.token_ids_R for segment in sample.segments]).astype(np.int64)
    logp = np.concatenate([segment.logp_R for segment in sample.segments])
    zeros = np.zeros(len(ids), np.float32)
    return TrainSequence(group, np.asarray(prompt_ids, np.int64), ids, logp, zeros, np.ones_like(zeros))
