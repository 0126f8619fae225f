"""One side of long_context: responses of a given length from the real engine, when each token came, what it held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlhf.rollout.engine import VllmEngine

PROMPT = 16  # tokens
EVERY = 64  # tokens between two readings of the clock
WARMUP = 8  # tokens
BEYOND = 2 * EVERY  # tokens after the longest length, so that the responses still run when it is looked at


def generate(options: Mapping[str, Any]) -> dict[str, Any]:
    """options: model, dtype, cores, lengths, batch, kv_cache_gib.

    points: [tokens of each response so far, seconds since they were asked for]. held: by length, what the worker held
    when the responses were that long (CacheProbe.held), and how many tokens they had.
    """
    return asyncio.run(_generate(options))


async def _generate(options: Mapping[str, Any]) -> dict[str, Any]:
    from rlhf.recipe.schema import RolloutConfig
    from rlhf.rollout.engine import VllmEngine
    from rlhf.rollout.engine_options import EngineSpec

    length, batch = max(options["lengths"]) + BEYOND, options["batch"]
    rollout = RolloutConfig(
        max_response_tokens=length,
        min_response_tokens=length,  # the end token must not come before
        max_concurrent_sequences=batch,
        kv_cache_gib=options["kv_cache_gib"],
    )
    spec = EngineSpec(
        name="engine-0",
        model_dir=options["model"],
        dtype=options["dtype"],
        rollout=rollout,
        max_model_len=PROMPT + length,
        seed=0,
        cpus=(tuple(range(options["cores"])),),
        worker_extension="benchmarks.cache_probe.CacheProbe",
    )
    engine = VllmEngine(spec)
    try:
        await engine.start()
        await _sample(engine, batch, WARMUP, ())
        return await _sample(engine, batch, length, options["lengths"])
    finally:
        engine.shutdown()


async def _sample(engine: VllmEngine, batch: int, length: int, marks: Sequence[int]) -> dict[str, Any]:
    """All responses at once, each to a prompt of its own; of the rows' times the latest."""
    arrived: dict[int, float] = {}
    held: dict[int, Any] = {}
    started = time.perf_counter()

    async def row(index: int) -> None:
        waiting = sorted(marks) if index == 0 else []
        async for count in _counts(engine, index, length):
            now = time.perf_counter() - started
            arrived[count] = max(arrived.get(count, 0.0), now)
            while waiting and count >= waiting[0]:
                held[waiting.pop(0)] = {"tokens": count, **await _held(engine)}

    await asyncio.gather(*(row(index) for index in range(batch)))
    return {"points": sorted(arrived.items()), "held": held}


async def _counts(engine: VllmEngine, index: int, length: int) -> Any:
    """Yields how many tokens the response has, every so often. The real engine's own request but for that."""
    from vllm.inputs import TokensPrompt
    from vllm.sampling_params import RequestOutputKind

    from rlhf.rollout.engine_options import sampling_parameters
    from rlhf.rollout.sampling import Sampling

    parameters = sampling_parameters(engine.spec.rollout, Sampling(1, 1.0, length), engine._end)
    parameters.output_kind, parameters.stream_interval = RequestOutputKind.DELTA, EVERY
    prompt = TokensPrompt(prompt_token_ids=[5 + (index + i) % 200 for i in range(PROMPT)])
    count = 0
    async for output in engine._llm.generate(prompt, parameters, engine._request_id()):
        count += len(output.outputs[0].token_ids)
        yield count


async def _held(engine: VllmEngine) -> dict[str, Any]:
    (held,) = await engine._llm.collective_rpc("held")
    return held
