"""The parity gate: one policy with every recurrent kernel in a layer of its own, in a real engine and a real learner."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cluster.learner_weights import LearnerWeights
from rlhf.parity import Bounds, compare
from rlhf.publication import differences
from tests.rollout.hybrids import (
    CANARY,
    SAMPLED,
    engine_of,
    sampled,
    start_learner,
    write_policy,
)


@pytest.fixture(scope="module")
def loop():
    made = asyncio.new_event_loop()
    yield made
    pending = asyncio.all_tasks(made)
    for task in pending:
        task.cancel()
    made.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    made.close()


@pytest.fixture(scope="module", params=[("moe", "float32"), ("dense", "bfloat16")], ids="-".join)
def served(request, tmp_path_factory, loop):
    kind, dtype = request.param
    folder = write_policy(("softmax", *SAMPLED), kind, tmp_path_factory.mktemp("policy"))
    learner = start_learner(folder, dtype)
    engine = engine_of(folder, dtype)
    weights = LearnerWeights(learner, "shared_memory", 1)
    try:
        loop.run_until_complete(engine.start())
        yield SimpleNamespace(learner=learner, engine=engine, weights=weights, dtype=dtype, kind=kind)
    finally:
        engine.shutdown()
        learner.close()


def check_parity(served, loop) -> None:
    sequences = loop.run_until_complete(sampled(served.engine))
    bounds = Bounds.of(served.dtype, served.kind == "moe")
    together = compare("packed", sequences, served.learner.logp(sequences))
    alone = compare("single", sequences, [served.learner.logp([s])[0] for s in sequences])
    print(served.dtype, together, alone, sep="\n  ")
    assert together.tokens > 500
    assert together.within(bounds), str(together)
    assert alone.within(bounds), str(alone)


def test_engine_and_learner_agree_on_what_the_engine_samples(served, loop) -> None:
    """Prompts in chunks of a step (96 tokens a step), several at once, lengths around the kernels' chunks."""
    check_parity(served, loop)


def test_they_agree_after_a_publication_of_other_weights(served, loop) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in served.learner.model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    served.weights.moved_on()
    manifest = served.weights.write(1, CANARY)
    assert manifest is not None
    proof = loop.run_until_complete(served.engine.publish(manifest))
    assert differences(manifest, proof) == []
    assert set(proof.checksums) == set(manifest.checksums), "every tensor of every mixer is proven"
    check_parity(served, loop)


def test_a_prompt_is_answered_alike_alone_and_among_others(served, loop) -> None:
    """Pages of state go from one sequence to the next: whoever gets a used one must not see what it holds."""
    first = loop.run_until_complete(served.engine.canary(CANARY))
    loop.run_until_complete(sampled(served.engine, tokens=8))
    again = loop.run_until_complete(served.engine.canary(CANARY))
    tolerance = 1e-5 if served.dtype == "float32" else 0.05
    np.testing.assert_allclose(first, again, atol=tolerance)
