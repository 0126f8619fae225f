"""Assignments against all permutations."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.matching import all_matched, best_assignment


@given(st.integers(1, 5), st.integers(1, 5), st.data())
def test_no_assignment_is_worth_more(rows: int, columns: int, data: st.DataObject) -> None:
    worth = data.draw(
        st.lists(st.lists(st.floats(-5, 5), min_size=columns, max_size=columns), min_size=rows, max_size=rows)
    )
    pairs = best_assignment(worth)
    assert len(pairs) == min(rows, columns)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    total = sum(worth[row][column] for row, column in pairs)
    if rows <= columns:
        best = max(sum(worth[r][c] for r, c in enumerate(p)) for p in itertools.permutations(range(columns), rows))
    else:
        best = max(sum(worth[r][c] for c, r in enumerate(p)) for p in itertools.permutations(range(rows), columns))
    assert total == pytest.approx(best, abs=1e-9)


def test_nothing_to_assign() -> None:
    assert best_assignment([]) == []
    assert best_assignment([[], []]) == []


@given(st.integers(0, 5), st.integers(0, 5), st.data())
def test_a_perfect_matching_is_found_where_there_is_one(items: int, partners: int, data: st.DataObject) -> None:
    fits = [sorted(data.draw(st.sets(st.integers(0, partners - 1)))) if partners else [] for _ in range(items)]
    there_is = any(all(p[i] in fits[i] for i in range(items)) for p in itertools.permutations(range(partners), items))
    assert all_matched(fits, partners) is there_is


def test_moving_others_leaves_them_their_partners() -> None:
    fits = [[2, 3, 5], [1, 2, 4, 5], [1, 2, 3, 4, 5], [3], [0, 2, 3], [0, 1, 5, 6], [3]]
    assert not all_matched(fits, 7)
    assert all_matched([*fits[:-1], [3, 6]], 7)


def test_two_hundred_items_that_all_fit() -> None:
    everyone = list(range(200))
    assert all_matched([everyone] * 200, 200)
    assert not all_matched([everyone] * 199 + [[]], 200)
