"""A sequence that loses its place in the engine begins anew on another page, and its log-probabilities stay right."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from rlhf.recipe.schema import RolloutConfig
from rlhf.rollout.engine import VllmEngine
from rlhf.rollout.engine_options import EngineSpec
from rlhf.types import TrainSequence
from tests.rollout.hybrids import LENGTHS, sampled, start_learner, write_policy

PAGE = 16384  # bytes: 32 tokens of the softmax layer, or the linear layer's state, filled up
PAGES = 32  # for fourteen responses, which want about a hundred
RESPONSE = 100


def small_engine(folder: Path) -> VllmEngine:
    rollout = RolloutConfig(kv_cache_gib=PAGES * PAGE / 2**30, max_concurrent_sequences=16, max_batched_tokens=96)
    worker = "tests.rollout.preempting.WatchingWorker"
    return VllmEngine(
        EngineSpec("engine-0", str(folder), "float32", rollout, 384, 0, cpus=((0,),), worker_extension=worker)
    )


async def sampled_in_a_small_cache(folder: Path) -> tuple[list[TrainSequence], list[int]]:
    """(responses, how many tokens sequences had when they lost their places)."""
    engine = small_engine(folder)
    try:
        await engine.start()
        await engine._llm.collective_rpc("watch_preemptions")
        sequences = await sampled(engine, RESPONSE)
        (lost,) = await engine._llm.collective_rpc("preemptions")
    finally:
        engine.shutdown()
    return sequences, lost


def test_preempted_sequences_have_the_learners_log_probabilities(tmp_path: Path) -> None:
    folder = write_policy(("softmax", "linear"), "dense", tmp_path)
    sequences, lost = asyncio.run(sampled_in_a_small_cache(folder))
    print(f"{len(lost)} places lost, after {lost} sampled tokens")
    assert sum(n > 0 for n in lost) >= 2, "sequences must lose their places in the midst of their responses"
    assert len(sequences) == 2 * len(LENGTHS)
    learner = start_learner(folder, "float32")
    try:
        found = learner.logp(sequences)
    finally:
        learner.close()
    for mine, one in zip(found, sequences, strict=True):
        np.testing.assert_allclose(mine, one.behaviour_logp_R, rtol=0, atol=1e-4)
