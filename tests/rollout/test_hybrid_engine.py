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
    learner_routes,
    sampled,
    sampled_alone,
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


KINDS = [
    ("moe", "float32"),
    ("moe", "bfloat16"),
    pytest.param(("dense", "float32"), marks=pytest.mark.full),
    pytest.param(("dense", "bfloat16"), marks=pytest.mark.full),
]


@pytest.fixture(scope="module", params=KINDS)
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


def test_where_the_routes_agree_so_do_the_log_probabilities(served, loop) -> None:
    """Rounding sends some tokens of a bfloat16 mixture of experts to other experts; what is left is rounding alone."""
    if served.kind != "moe":
        pytest.skip("a dense model has no routes; the mixtures of experts run this")
    same_gaps, flipped, tokens = [], 0, 0
    for one, engine_MTK in loop.run_until_complete(sampled_alone(served.engine)):
        learner_MTK = learner_routes(served.learner, one)
        assert learner_MTK.shape == engine_MTK.shape
        same_T = (learner_MTK == engine_MTK).all((0, 2))
        predicting = slice(len(one.prompt_ids_P) - 1, None)
        gap_R = np.abs(served.learner.logp([one])[0] - one.behaviour_logp_R)
        same_gaps.append(gap_R[same_T[predicting]])
        flipped, tokens = flipped + int((~same_T).sum()), tokens + len(same_T)
    gaps = np.concatenate(same_gaps)
    print(f"{served.dtype}: {flipped} of {tokens} tokens routed otherwise; elsewhere mean {gaps.mean():.2g}")
    assert len(gaps) > 100
    if served.dtype == "float32":
        assert flipped == 0
        assert gaps.max() <= 1e-4
    else:
        assert flipped < tokens / 2
        assert gaps.mean() <= 0.02


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
