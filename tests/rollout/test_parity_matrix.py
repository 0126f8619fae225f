"""Each kernel by itself, in a real engine and a real learner, against softmax in the same architecture (long)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rlhf.parity import Bounds, Parity, compare
from tests.rollout.choosing import agree
from tests.rollout.hybrids import (
    SAMPLED,
    engine_of,
    learner_choices,
    sampled,
    sampled_alone,
    start_learner,
    write_policy,
)

pytestmark = pytest.mark.full
CASES = [("moe", "float32"), ("moe", "bfloat16"), ("dense", "bfloat16")]
TWICE = 2.0
ROUNDING = 1e-5
"""Nats: below it twice of little is no measure."""


@dataclass(frozen=True)
class Measured:
    """agreeing: mean gap of the tokens that make the same choices on both sides, as all before them do: experts, and
    codes of quantised keys. turned: how many of the tokens do not. of: tokens that agreeing is the mean of."""

    together: Parity
    alone: Parity
    turned: int = 0
    tokens: int = 0
    agreeing: float = 0.0
    of: int = 0


def measure(kernel: str, kind: str, dtype: str, folder: Path) -> Measured:
    policy = write_policy((kernel, kernel), kind, folder)
    learner = start_learner(policy, dtype)
    engine = engine_of(policy, dtype, prefix_caching=False)  # whose routes are those of all tokens
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(engine.start())
        sequences = loop.run_until_complete(sampled(engine))
        together = compare("packed", sequences, learner.logp(sequences))
        alone = compare("single", sequences, [learner.logp([s])[0] for s in sequences])
        if kind != "moe":
            return Measured(together, alone)
        gaps, turned, tokens = [], 0, 0
        for one, engine_choices in loop.run_until_complete(sampled_alone(engine)):
            same_T = agree(learner_choices(learner, one), engine_choices, one.total_tokens - 1).numpy()
            so_far_T = np.logical_and.accumulate(same_T)[len(one.prompt_ids_P) - 1 :]
            gaps.append(np.abs(learner.logp([one])[0] - one.behaviour_logp_R)[so_far_T])
            turned, tokens = turned + int((~same_T).sum()), tokens + len(same_T)
        agreeing = np.concatenate(gaps)
        return Measured(together, alone, turned, tokens, float(agreeing.mean()), len(agreeing))
    finally:
        engine.shutdown()
        learner.close()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.close()


@pytest.fixture(scope="module")
def softmax(tmp_path_factory) -> dict[tuple[str, str], Measured]:
    """The baseline of each architecture and dtype."""
    return {case: measure("softmax", *case, tmp_path_factory.mktemp("-".join(case))) for case in CASES}


@pytest.mark.parametrize("kernel", SAMPLED)
@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_a_kernel_agrees_as_softmax_does(kernel, kind, dtype, softmax, tmp_path) -> None:
    found, baseline = measure(kernel, kind, dtype, tmp_path), softmax[kind, dtype]
    print(f"{kernel} {kind} {dtype}: {found}\n  softmax: {baseline}")
    bounds = Bounds.of(dtype, kind == "moe")
    for parity in (found.together, found.alone, baseline.together):
        assert parity.within(bounds), str(parity)
    if dtype == "float32":
        assert found.turned == 0
        for parity, usual in ((found.together, baseline.together), (found.alone, baseline.alone)):
            assert parity.max_abs <= max(TWICE * usual.max_abs, ROUNDING), str(parity)
        return
    if kind == "moe":  # whose mean is that of the tokens whose choices were turned over
        assert min(found.of, baseline.of) > 200, "tokens to tell by"
        assert found.agreeing <= max(TWICE * baseline.agreeing, ROUNDING)
        assert found.agreeing <= 0.02
        return
    for parity, usual in ((found.together, baseline.together), (found.alone, baseline.alone)):
        assert parity.mean_abs <= TWICE * usual.mean_abs, str(parity)
