"""Before anything is learned: sample a little from an engine, and let the learner say what it thinks of the tokens.

Prompts are short and long enough to cross the chunks that kernels work in; responses too. The learner looks at them
packed together, as in a step, and each alone.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlhf.metrics.live import LiveView
from rlhf.parity import Bounds, Parity, ParityError, compare, require
from rlhf.protocols import Engines, Learner
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.sampling import RawSample, Sampling
from rlhf.types import Prompt, TrainSequence

RESPONSE = 72  # tokens of a response, at most: more than a chunk of 64
PROMPT = 200  # tokens of the longest prompt, if so many fit
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
    chosen = probe_prompts([p.token_ids for p in prompts], longest - asked)
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
    for parity in found:
        view.note(f"engine and learner, {parity}")
    bounds = Bounds.of(recipe.policy.dtype, has_experts(model_dir))
    try:
        require(found, bounds, recipe.policy.model, recipe.policy.dtype)
    except ParityError as error:
        if recipe.trainer.parity == "refuse":
            raise
        view.note(f"warning: {error}")
    return found


def probe_prompts(prompts: Sequence[Sequence[int]], room: int) -> list[tuple[int, ...]]:
    """The shortest and the longest, and several in a row of up to PROMPT tokens; room: beyond the longest."""
    ordered = sorted({tuple(p) for p in prompts}, key=len)
    limit = min(PROMPT, len(ordered[-1]) + room)
    row: list[int] = []
    while len(row) < limit:
        for prompt in ordered:
            row += prompt
            if len(row) >= limit:
                break
    return list(dict.fromkeys([ordered[0], ordered[-1], tuple(row[:limit])]))


def has_experts(model_dir: Path) -> bool:
    """Whether the model's config.json counts experts."""
    config = json.loads((model_dir / "config.json").read_text("utf-8"))
    return any(config.get(key) for key in ("num_experts", "num_local_experts", "n_routed_experts"))


def _sequence(group: int, prompt_ids: Sequence[int], sample: RawSample) -> TrainSequence:
    ids = np.concatenate([segment.token_ids_R for segment in sample.segments]).astype(np.int64)
    logp = np.concatenate([segment.logp_R for segment in sample.segments])
    zeros = np.zeros(len(ids), np.float32)
    return TrainSequence(group, np.asarray(prompt_ids, np.int64), ids, logp, zeros, np.ones_like(zeros))
