"""Ranks that share every sequence against one that has them to itself: the same loss, metrics, gradients and weights.

The processes are started once and walk through every case; what they found is compared here.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from learner_helpers import Place, make_spec, run_ranks
from shared_sequences import Trained, batches, criticise, look, nan_on_rank_1, train, write_kernels

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.learner.rank import LearnerRank
from rlhf.learner.sharded_axis import sharded
from rlhf.learner.ulysses import SequenceParallel, check_shareable
from rlhf.models.hybrid.layers import mixers_of
from rlhf.models.load import LoadedPolicy

CASES: dict[str, dict[str, Any]] = {
    "dense, ZeRO-0": {"kind": "llama", "zero_stage": 0, "share_prompts": True},
    "dense, ZeRO-3, checkpointing": {"kind": "llama", "zero_stage": 3, "gradient_checkpointing": True},
    "dense, ZeRO-2, bfloat16": {"kind": "llama", "zero_stage": 2, "dtype": "bfloat16"},
    "MoE, ZeRO-1": {"kind": "qwen3_moe", "zero_stage": 1, "router_aux_coef": 0.05},
    "MoE, ZeRO-3, one micro-batch": {
        "kind": "qwen3_moe",
        "zero_stage": 3,
        "router_aux_coef": 0.05,
        "token_budget": 10**6,
    },
    "kernels, ZeRO-0": {"kind": "kernels", "zero_stage": 0},
    "kernels, ZeRO-3, checkpointing": {"kind": "kernels", "zero_stage": 3, "gradient_checkpointing": True},
}
FOUR = {
    "MoE": {"kind": "qwen3_moe", "zero_stage": 1, "router_aux_coef": 0.05},
    "kernels": {"kind": "kernels", "zero_stage": 2},
}
SHARED = {"sequence_parallel": 2}


def kind_and_keys(case: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    keys = {"share_prompts": False, **case}
    return keys.pop("kind"), keys


def trained(folders: dict[str, str], cases: dict[str, dict[str, Any]], place: Place) -> dict[str, Any]:
    found = {}
    for name, case in cases.items():
        kind, keys = kind_and_keys(case)
        found[name] = train(folders[kind], keys | SHARED, **place())
    return found


def everything(folders: dict[str, str], place: Place) -> dict[str, Any]:
    found = trained(folders, CASES, place)
    for kind in ("llama", "kernels"):
        found[f"look {kind}"] = look(folders[kind], SHARED, **place())
    found["critic"] = criticise(folders["llama"], SHARED | {"zero_stage": 3}, **place())
    found["nan"] = nan_on_rank_1(folders["kernels"], SHARED | {"zero_stage": 2}, **place())
    return found


@pytest.fixture(scope="module")
def folders(models, tmp_path_factory) -> dict[str, str]:
    return models | {"kernels": write_kernels(models["llama"], tmp_path_factory.mktemp("kernels"))}


@pytest.fixture(scope="module")
def pair(folders, tmp_path_factory) -> list[dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("pair")
    return run_ranks(2, partial(everything, folders), folder)


def assert_same(found: Trained, expected: Trained, low: bool = False) -> None:
    """low: in bfloat16, where sums in another order round otherwise."""
    near = 2e-2 if low else 1e-5
    for a, b in zip(found.results, expected.results, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=near, abs=5e-3 if low else 1e-6)
        assert a.grad_norm == pytest.approx(b.grad_norm, rel=near)
        assert a.metrics.keys() == b.metrics.keys()
        told = [n for n in b.metrics if not n.startswith("learner/") and "seconds" not in n]
        told = [n for n in told if not low or n in ("entropy", "tokens", "logp")]
        assert [a.metrics[n] for n in told] == pytest.approx([b.metrics[n] for n in told], rel=2 * near, abs=1e-6)
    assert found.gradients.keys() == expected.gradients.keys()
    largest = max(float(g.norm()) for g in expected.gradients.values())
    for name, gradient in expected.gradients.items():
        apart = float((found.gradients[name] - gradient).norm())
        assert apart <= 2 * near * float(gradient.norm()) + near / 100 * largest, name
    for name, tensor in expected.weights.items():
        apart = float((found.weights[name].detach() - tensor.detach()).abs().max())
        assert apart <= (2e-2 if low else 5e-6), name


def assert_same_training(four: list[dict[str, Any]], name: str, case: dict[str, Any], folders: dict[str, str]) -> None:
    kind, keys = kind_and_keys(case)
    low = "dtype" in keys
    first, *others = (found[name] for found in four)
    expected = train(folders[kind], keys)
    assert_same(first, expected, low)
    for other in others:
        assert not other.weights
        for a, b in zip(first.results, other.results, strict=True):
            assert (a.loss, a.grad_norm, a.metrics) == (b.loss, b.grad_norm, b.metrics)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(first.logp, other.logp, strict=True))
    for a, b in zip(first.logp, expected.logp, strict=True):
        assert a == pytest.approx(b, abs=0.1 if low else 1e-5)


@pytest.mark.parametrize("name", CASES)
def test_two_ranks_share_sequences_and_train_as_one(folders, pair, name) -> None:
    assert_same_training(pair, name, CASES[name], folders)
    run = [found[name].results[0].metrics["learner/tokens_run"] for found in pair]
    assert run == [sum(s.total_tokens - 1 for s in batches()[0].sequences)] * 2


@pytest.mark.full
def test_four_ranks_two_on_a_sequence(folders, tmp_path) -> None:
    four = run_ranks(4, partial(trained, folders, FOUR), tmp_path)
    for name, case in FOUR.items():
        assert_same_training(four, name, case, folders)


@pytest.mark.parametrize("kind", ["llama", "kernels"])
def test_borders_may_fall_anywhere(folders, pair, kind) -> None:
    found, expected = pair[0][f"look {kind}"], look(folders[kind], {})
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_a_critic_shares_sequences(folders, pair) -> None:
    (found, values), (expected, wanted) = pair[0]["critic"], criticise(folders["llama"], {"zero_stage": 3})
    assert_same(found, expected)
    for a, b in zip(values, wanted, strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_one_rank_s_nan_stops_both(pair) -> None:
    """Neither waits for the other, and the next step is a good one."""
    for refused, loss in (found["nan"] for found in pair):
        assert refused
        assert math.isfinite(loss)


def test_what_cannot_be_shared_is_refused(folders) -> None:
    def start(kind: str, **keys: Any) -> None:
        LearnerRank(make_spec(folders[kind], **{"world_size": 2, "sequence_parallel": 2, **keys}))

    with pytest.raises(ValueError, match=r"sequence_parallel: 2 needs packed sequences \(.*gemma is not on the tested"):
        start("gemma")
    with pytest.raises(ValueError, match=r"needs packed sequences \(policy.packing is padded\)"):
        start("llama", packing="padded")
    with pytest.raises(ValueError, match="2 does not divide the 3 ranks"):
        start("llama", world_size=3)
    with pytest.raises(ValueError, match="4 does not divide the 4 heads and 2 key-value heads of softmax attention"):
        start("llama", world_size=4, sequence_parallel=4)
    with pytest.raises(
        ValueError, match=r"4 does not divide the 4 heads and 2 key-value heads of (softmax )?attention"
    ):
        start("kernels", world_size=4, sequence_parallel=4)
    assert not torch.distributed.is_initialized()


def test_a_mixer_that_hides_how_far_back_it_looks_is_refused(folders, monkeypatch) -> None:
    rank = LearnerRank(make_spec(folders["kernels"]))
    model = rank.model
    rank.close()
    mixer = next(iter(mixers_of(model).values()))
    monkeypatch.setattr(mixer, "own_state_shapes", lambda: ((3, 3),))
    monkeypatch.setattr(type(mixer), "lookback", 0)
    with pytest.raises(ValueError, match="does not say how far back it looks"):
        check_shareable(LoadedPolicy(model, "packed", ()), 2, 2)


def test_prompts_are_not_shared_and_it_is_said(pair) -> None:
    assert pair[0]["dense, ZeRO-0"].notices == ("prompts are run once for every response: ranks share sequences",)
    assert pair[0]["MoE, ZeRO-1"].notices == ()


def of_rank(rank: int, size: int) -> Any:
    return SimpleNamespace(rank=rank, size=size)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 4), st.integers(0, 5))
def test_shards_make_up_the_axis(lengths, ranks, reach) -> None:
    cu, tokens = CuSeqlens.of_lengths(lengths), sum(lengths)
    number_T = torch.arange(1, tokens + 1)
    sequence_T = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    axes = [sharded(of_rank(rank, ranks), tokens, reach) for rank in range(ranks)]
    length = axes[0].length
    assert length >= reach
    assert len({axis.length for axis in axes}) == 1
    assert torch.cat([axis.cut(number_T) for axis in axes])[:tokens].tolist() == number_T.tolist()
    filled_A = torch.cat([axis.cut(sequence_T, -1) for axis in axes])
    for axis in axes:
        before = min(reach, axis.start)
        pieces = axis.pieces(cu, before)
        assert pieces.total == length + before
        seen = filled_A[axis.start - before : axis.start + length]
        for span in pieces.spans():  # one sequence each, and whole within the shard
            assert len(seen[span].unique()) == 1
        assert pieces.count == len(seen.unique_consecutive())


def test_statistics_have_their_heads_place() -> None:
    parts = []
    for number in (0, 1):
        place = SequenceParallel.__new__(SequenceParallel)
        place.rank, place.size = number, 2
        mine = torch.full((2, 3), float(number + 1))
        parts.append(place.placed(mine, (4, 3)))
        assert place.placed(torch.ones(5), (5,)).sum() == (5 if number == 0 else 0)
    assert (parts[0] + parts[1]).tolist() == [[1.0] * 3] * 2 + [[2.0] * 3] * 2
