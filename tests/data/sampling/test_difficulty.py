"""Priorities, bands and the curriculum, by numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.data.sampling.difficulty import open_share, prioritised, within_band

rates = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("success", "floor", "expected"),
    [
        ([0.0, 0.5, 1.0], 0.0, [2 / 3, 1 / 3, 0.0]),
        ([0.0, 0.5, 1.0], 0.5, [0.5, 0.25, 0.25]),
        ([1.0, 1.0], 0.0, [0.5, 0.5]),
        ([1.0, 1.0], 0.1, [0.5, 0.5]),
        ([0.25], 0.0, [1.0]),
    ],
)
def test_prioritised(success, floor, expected):
    assert prioritised(success, floor) == pytest.approx(expected)


@given(rates, st.floats(0.01, 1.0))
def test_with_a_floor_no_prompt_is_out_of_reach(success, floor):
    probability = prioritised(success, floor)
    assert probability.sum() == pytest.approx(1.0)
    assert (probability >= floor / len(success) * 0.999).all()


@pytest.mark.parametrize(
    ("above", "below", "expected"),
    [
        (None, None, [1, 1, 1, 1]),
        (0.0, None, [0, 1, 1, 1]),
        (None, 0.9, [1, 1, 0, 0]),
        (0.0, 0.9, [0, 1, 0, 0]),
    ],
)
def test_bounds_of_a_band_are_outside_of_it(above, below, expected):
    assert within_band([0.0, 0.5, 0.9, 1.0], above, below).tolist() == list(map(bool, expected))


def test_a_curriculum_opens_evenly():
    assert [open_share(p, 0.2) for p in (0.0, 0.5, 1.0, 3.0)] == pytest.approx([0.2, 0.6, 1.0, 1.0])
    assert np.diff([open_share(p, 0.1) for p in np.linspace(0, 1, 9)]).min() > 0
