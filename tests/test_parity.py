"""Engine against learner: the figures, the bounds, the refusal, and what is asked."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from rlhf.metrics.live import LiveView
from rlhf.parity import Bounds, ParityError, compare, require
from rlhf.recipe.attention import resolve_layers
from rlhf.recipe.attention_schema import AttentionConfig
from rlhf.rollout.sampling import RawSample
from rlhf.stages.parity import PROMPT, check_parity, has_experts, probe_length, probe_prompts
from rlhf.types import Prompt, Segment, TrainSequence
from tests.recipe.helpers import GOOD, load, small_model


def sequence(engine_logp) -> TrainSequence:
    logp = np.asarray(engine_logp, np.float32)
    ids, zeros = np.ones(len(logp), np.int64), np.zeros(len(logp), np.float32)
    return TrainSequence(0, ids[:1], ids, logp, zeros, zeros)


def test_figures_are_over_all_tokens() -> None:
    found = compare("x", [sequence([-1.0, -2.0]), sequence([-3.0])], [np.array([-1.0, -2.3]), np.array([-3.3])])
    assert (found.tokens, found.far, found.mean_near) == (3, 2, 0.0)
    assert found.mean_abs == pytest.approx(0.2, rel=1e-6)
    assert found.max_abs == pytest.approx(0.3, rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "experts", "gaps", "fine"),
    [
        ("float32", False, [0.9e-4, 0.0], True),
        ("float32", True, [1.1e-4, 0.0], False),
        ("bfloat16", False, [0.03, 0.0], True),
        ("bfloat16", False, [0.05, 0.0], False),
        ("bfloat16", True, [0.15, 0.0], True),
        ("bfloat16", True, [0.25, 0.0], False),
        ("bfloat16", True, [0.15, 0.15, 0.02], False),
        ("bfloat16", True, [0.04, 0.015, 0.22], True),
        ("bfloat16", True, [0.04, 0.03, 0.04], False),
        ("bfloat16", False, [0.04, 0.0], True),
        ("float32", False, [np.nan, 0.0], False),
        ("bfloat16", True, [np.nan, 0.0], False),
    ],
)
def test_bounds(dtype, experts, gaps, fine) -> None:
    found = compare("packed", [sequence([0.0] * len(gaps))], [np.asarray(gaps)])
    assert found.within(Bounds.of(dtype, experts)) is fine


def test_a_refusal_holds_every_figure_and_says_what_to_try() -> None:
    good = compare("each alone", [sequence([0.0])], [np.array([1e-6])])
    bad = compare("packed together", [sequence([0.0])], [np.array([0.5])])
    require([good], Bounds.of("float32", False), "m", "float32")
    with pytest.raises(ParityError) as packed:
        require([bad, good], Bounds.of("float32", False), "some/model", "float32")
    assert "some/model (float32)" in str(packed.value)
    assert "packed together: 1 tokens, mean |difference| 0.5 nats, largest 0.5, 1 beyond 0.1 (the others'" in str(
        packed.value
    )
    assert "each alone: 1 tokens, mean |difference| 1e-06" in str(packed.value)
    assert "policy.packing: padded" in str(packed.value)
    with pytest.raises(ParityError, match="one of lightning, gla may leak between sequences: try"):
        require([bad, good], Bounds.of("float32", False), "m", "float32", "lightning, gla")
    with pytest.raises(ParityError, match="cannot be trained with these versions"):
        require([bad, bad], Bounds.of("float32", False), "m", "float32")


def test_prompts_are_short_and_long() -> None:
    prompts = [(1, 2), (3, 4, 5, 6, 7), (8,)]
    shortest, longest, row = probe_prompts(prompts, room=20)
    assert (shortest, longest) == ((8,), (3, 4, 5, 6, 7))
    assert row == ((8, 1, 2, 3, 4, 5, 6, 7) * 4)[:25]
    assert len(probe_prompts(prompts, room=10_000)[-1]) == PROMPT
    assert probe_prompts([(1, 2, 3)], room=0) == [(1, 2, 3)]


def test_the_longest_prompt_crosses_every_window_and_what_an_engine_runs_at_a_time() -> None:
    layers = resolve_layers(
        AttentionConfig(layers={"0": "lightning", "1": {"kernel": "sliding_window", "window": 300}}), 3
    )
    assert probe_length(layers, None) == 608
    assert probe_length(layers, 1000) == 1008
    assert probe_length(layers[2:], None) == PROMPT


@pytest.mark.parametrize(
    ("config", "expected"), [({"num_local_experts": 8}, True), ({"num_experts": 0}, False), ({}, False)]
)
def test_experts_are_counted(config, expected) -> None:
    assert has_experts(config) is expected


class Sampler:
    """Gives every token log-probability -1."""

    async def generate(self, prompt_ids, sampling):
        ids, logp = np.arange(sampling.max_tokens), np.full(sampling.max_tokens, -1.0, np.float32)
        return [RawSample((Segment(0, ids, logp),), "length", None) for _ in range(sampling.n)]


class Scorer:
    """Gives every token -1, off by `packed` where several sequences are scored together."""

    def __init__(self, packed: float) -> None:
        self.packed = packed

    async def logp(self, sequences, temperature):
        off = self.packed if len(sequences) > 1 else 0.0
        return [np.full(len(s.response_ids_R), -1.0 + off) for s in sequences]


@pytest.mark.parametrize(
    ("mode", "off", "refused", "warned"),
    [
        ("refuse", 0.0, False, False),
        ("refuse", 2e-4, True, False),
        ("warn", 2e-4, False, True),
        ("off", 2e-4, False, False),
    ],
)
def test_the_gate(mode, off, refused, warned, tmp_path) -> None:
    recipe = load(tmp_path, GOOD, (small_model(tmp_path), "policy.dtype=float32", f"trainer.parity={mode}")).recipe
    notes: list[str] = []
    view = cast(LiveView, SimpleNamespace(stage=lambda *words: None, note=notes.append))
    prompts = [cast(Prompt, SimpleNamespace(token_ids=ids)) for ids in ((1, 2), (3,))]
    gate = check_parity(recipe, cast(Any, Scorer(off)), cast(Any, Sampler()), prompts, tmp_path / "model", view)
    if refused:
        with pytest.raises(ParityError, match=r"other log-probabilities \(allowed: 0.0001 a token\)"):
            asyncio.run(gate)
        return
    found = asyncio.run(gate)
    assert [parity.what for parity in found] == ([] if mode == "off" else ["packed together", "each alone"])
    assert any("warning" in note for note in notes) is warned
