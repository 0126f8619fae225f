"""The repetition stop: what the engine's process forces, and what is taken off again."""

from __future__ import annotations

import numpy as np
import pytest

from rlhf.recipe.schema import RepetitionConfig
from rlhf.rollout.repetition import certain_run_end, ended_by_force

END = 2
RULES = RepetitionConfig(certain_tokens=3, certain_probability=0.9)
SURE, UNSURE = -0.01, -1.0


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([0.99] * 3, 2),
        ([0.99] * 5, 2),
        ([0.99, 0.99, 0.5, 0.99, 0.99, 0.99], 5),
        ([0.99, 0.99, 0.5, 0.99, 0.99], None),
        ([0.9, 0.9, 0.9], None),
        ([], None),
    ],
)
def test_a_run_ends_at_its_last_token(probabilities, expected):
    assert certain_run_end(probabilities, run=3, threshold=0.9) == expected


@pytest.mark.parametrize(
    ("tokens", "logp", "expected"),
    [
        ([7, 8, 9, END], [SURE, SURE, SURE, 0.0], True),
        ([5, 7, 8, 9, END], [UNSURE, SURE, SURE, SURE, 0.0], True),
        ([7, 8, 9, END], [SURE, SURE, SURE, -1e-6], False),
        ([7, 8, 9, END], [SURE, UNSURE, SURE, 0.0], False),
        ([7, 8, 9, 4], [SURE, SURE, SURE, 0.0], False),
        ([8, 9, END], [SURE, SURE, 0.0], False),
    ],
)
def test_only_an_end_after_a_whole_run_was_forced(tokens, logp, expected):
    assert ended_by_force(np.array(tokens), np.array(logp, np.float32), RULES, END) is expected


def test_nothing_is_forced_where_the_rule_is_off():
    rules = RepetitionConfig()
    assert not ended_by_force(np.array([7, END]), np.array([SURE, 0.0], np.float32), rules, END)
