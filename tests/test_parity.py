"""Engine against learner: the figures, the bounds, the refusal, and what is asked."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rlhf.parity import Bounds, ParityError, compare, require
from rlhf.stages.parity import PROMPT, has_experts, probe_prompts
from rlhf.types import TrainSequence


def sequence(engine_logp) -> TrainSequence:
    logp = np.asarray(engine_logp, np.float32)
    ids, zeros = np.ones(len(logp), np.int64), np.zeros(len(logp), np.float32)
    return TrainSequence(0, ids[:1], ids, logp, zeros, zeros)


def test_figures_are_over_all_tokens() -> None:
    found = compare("x", [sequence([-1.0, -2.0]), sequence([-3.0])], [np.array([-1.0, -2.3]), np.array([-3.3])])
    assert (found.tokens, found.far) == (3, 2)
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
        ("float32", False, [np.nan, 0.0], False),
        ("bfloat16", True, [np.nan, 0.0], False),
    ],
)
def test_bounds(dtype, experts, gaps, fine) -> None:
    found = compare("packed", [sequence([0.0, 0.0])], [np.asarray(gaps)])
    assert found.within(Bounds.of(dtype, experts)) is fine


def test_a_refusal_holds_every_figure_and_says_what_to_try() -> None:
    good = compare("each alone", [sequence([0.0])], [np.array([1e-6])])
    bad = compare("packed together", [sequence([0.0])], [np.array([0.5])])
    require([good], Bounds.of("float32", False), "m", "float32")
    with pytest.raises(ParityError) as packed:
        require([bad, good], Bounds.of("float32", False), "some/model", "float32")
    assert "some/model (float32)" in str(packed.value)
    assert "packed together: 1 tokens, mean |difference| 0.5, largest 0.5, 1 beyond 0.1" in str(packed.value)
    assert "each alone: 1 tokens, mean |difference| 1e-06" in str(packed.value)
    assert "policy.packing: padded" in str(packed.value)
    with pytest.raises(ParityError, match="cannot be trained with these versions"):
        require([bad, bad], Bounds.of("float32", False), "m", "float32")


def test_prompts_are_short_and_long() -> None:
    prompts = [(1, 2), (3, 4, 5, 6, 7), (8,)]
    shortest, longest, row = probe_prompts(prompts, room=20)
    assert (shortest, longest) == ((8,), (3, 4, 5, 6, 7))
    assert row == ((8, 1, 2, 3, 4, 5, 6, 7) * 4)[:25]
    assert len(probe_prompts(prompts, room=10_000)[-1]) == PROMPT
    assert probe_prompts([(1, 2, 3)], room=0) == [(1, 2, 3)]


def test_experts_are_counted(tmp_path) -> None:
    for config, expected in (({"num_local_experts": 8}, True), ({"num_experts": 0}, False), ({}, False)):
        (tmp_path / "config.json").write_text(json.dumps(config))
        assert has_experts(tmp_path) is expected
