"""The whole model's gradient under every algorithm of the catalogue: no split of a batch changes it, in float32."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from learner_helpers import Place, make_sequences, make_spec, run_ranks

from rlhf.algorithms.base import Algorithm
from rlhf.algorithms.catalog import CATALOG
from rlhf.learner.rank import LearnerRank
from rlhf.types import Batch, TrainSequence

SPLITS = {
    "padded, small micro-batches": {"packing": "padded", "token_budget": 70},
    "packed, one sequence each": {"share_prompts": False, "token_budget": 1},
    "packed, prompts shared": {"token_budget": 64},
}
LINEAR = {"adam_eps": 1e4, "learning_rate": 1e6, "gradient_clip": 1e9, "weight_decay": 0.0}
"""Adam's step is then a hundred times the gradient, but for a part in 10^4 of it: weights that moved tell the gradient."""
WHOLE = {"packing": "padded", "token_budget": 10**6, "zero_stage": 0}


def batch_for(name: str, logp: list[np.ndarray]) -> Batch:
    """Every field that a definition may ask for; old and reference log-probabilities near the policy's own."""
    definition = CATALOG[name]
    draw = np.random.default_rng(1)
    near = 1e-4 if definition.clip_high is not None and definition.clip_high < 0.01 else 0.2

    def beside(values):
        return (values + near * draw.normal(size=len(values))).astype(np.float32)

    sequences: list[TrainSequence] = [
        replace(
            sequence,
            old_logp_R=beside(own),
            reference_logp_R=beside(own) if definition.reference else None,
            weight_R=draw.uniform(0.5, 1.5, len(own)).astype(np.float32),
            correct=bool(draw.random() < 0.5),
        )
        for sequence, own in zip(make_sequences(), logp, strict=True)
    ]
    return Batch.of(sequences)


def own_logp(folder: str) -> list[np.ndarray]:
    with closing(LearnerRank(make_spec(folder))) as rank:
        return rank.logp(make_sequences())


def update(folder: str, name: str, logp: list[np.ndarray], **keys) -> tuple[float, float, dict[str, torch.Tensor]]:
    """(loss, norm of the gradient, weights after one update)."""
    loss = partial(Algorithm(CATALOG[name]).loss, norm_length=25.0)
    with closing(LearnerRank(make_spec(folder, **LINEAR, **keys))) as rank:
        result = rank.update(batch_for(name, logp), loss, old_logprobs=CATALOG[name].old_logprobs)
        return result.loss, result.grad_norm, dict(rank.named_weights())


def work(folder: str, logp: list[np.ndarray], place: Place) -> dict[str, tuple]:
    return {name: update(folder, name, logp, zero_stage=2, **place()) for name in CATALOG}


@pytest.fixture(scope="module")
def folder(models) -> str:
    return models["qwen3_moe"]


@pytest.fixture(scope="module")
def logp(folder) -> list[np.ndarray]:
    return own_logp(folder)


@pytest.fixture(scope="module")
def whole(folder, logp) -> dict[str, tuple]:
    """The whole batch in one micro-batch of padded rows, on one rank."""
    return {name: update(folder, name, logp, **WHOLE) for name in CATALOG}


@pytest.fixture(scope="module")
def pair(folder, logp, tmp_path_factory) -> list[dict]:
    return run_ranks(2, partial(work, folder, logp), tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def start(folder) -> dict[str, torch.Tensor]:
    with closing(LearnerRank(make_spec(folder))) as rank:
        return dict(rank.named_weights())


def norm(weights: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> float:
    assert set(weights) == set(others)
    return (
        sum(float((tensor.double() - others[name].double()).square().sum()) for name, tensor in weights.items()) ** 0.5
    )


def assert_same(found: tuple, expected: tuple, start: dict[str, torch.Tensor]) -> None:
    """Loss, the gradient's norm, and the norm of the gradients' difference."""
    assert expected[1] > 1e-4, "a gradient that is nearly zero proves nothing"
    assert found[0] == pytest.approx(expected[0], rel=1e-5, abs=1e-6)
    assert found[1] == pytest.approx(expected[1], rel=1e-5)
    moved = norm(expected[2], start)
    assert moved == pytest.approx(100 * expected[1], rel=1e-3)
    assert norm(found[2], expected[2]) <= 1e-5 * moved


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", CATALOG)
def test_no_split_into_micro_batches_changes_the_gradient(folder, logp, whole, start, name, split) -> None:
    assert_same(update(folder, name, logp, **SPLITS[split]), whole[name], start)


@pytest.mark.parametrize("name", CATALOG)
def test_no_split_over_ranks_changes_the_gradient(whole, pair, start, name) -> None:
    assert_same(pair[0][name], whole[name], start)
    assert pair[1][name][1] == pair[0][name][1]
