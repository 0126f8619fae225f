from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.learner.packing import KEY_ROWS, Unit, balance, make_units, plan_step
from rlhf.types import TrainSequence


def sequence(group: int, prompt: int, response: int) -> TrainSequence:
    zeros = np.zeros(response, np.float32)
    return TrainSequence(group, np.full(prompt, group), np.zeros(response, np.int64), zeros, zeros, zeros + 1)


def test_balance_is_by_cost_not_by_count() -> None:
    """The example of Seed-Thinking's balancing: 300/900, where equal counts would give 200/1000."""
    units = [Unit(1, (i,), (cost,)) for i, cost in enumerate([900, 100, 100, 100])]
    shares = balance(units, [900, 100, 100, 100], ranks=2)
    assert sorted(sum(u.responses[0] for u in share) for share in shares) == [300, 900]


@pytest.mark.parametrize(
    ("costs", "ranks", "expected"),
    [
        ([8, 7, 6, 5, 4], 2, [14, 16]),  # the method's well-known example: greedy finds 13 and 17
        ([5], 3, [0, 0, 5]),
        ([3, 3, 3, 3], 4, [3, 3, 3, 3]),
    ],
)
def test_karmarkar_karp(costs: list[int], ranks: int, expected: list[int]) -> None:
    units = [Unit(1, (i,), (cost,)) for i, cost in enumerate(costs)]
    shares = balance(units, costs, ranks)
    assert sorted(sum(u.responses[0] for u in share) for share in shares) == expected


batches = st.lists(
    st.tuples(st.integers(1, 60), st.lists(st.integers(1, 80), min_size=1, max_size=6)), min_size=1, max_size=8
)


@settings(max_examples=150, deadline=None)
@given(batches, st.integers(1, 4), st.integers(1, 300), st.booleans(), st.booleans())
def test_every_sequence_runs_once_within_the_budget(groups, ranks, budget, share, padded) -> None:
    sequences = [sequence(g, prompt, r) for g, (prompt, responses) in enumerate(groups) for r in responses]
    plan = plan_step(sequences, ranks, budget, hidden=32, share_prompts=share, padded=padded)
    assert len(plan.ranks) == ranks
    assert len({len(micros) for micros in plan.ranks}) == 1
    seen = [m for rank in plan.ranks for micro in rank for unit in micro for m in unit.members]
    assert sorted(seen) == list(range(len(sequences)))
    for micro in (micro for rank in plan.ranks for micro in rank if micro):
        used = len(micro) * max(u.longest for u in micro) if padded else sum(u.tokens for u in micro)
        alone = sum(len(u.members) for u in micro) == 1
        assert used <= budget or alone
    assert any(plan.ranks[r][-1] for r in range(ranks)), "a micro-batch in which every rank idles"
    assert plan == plan_step(sequences, ranks, budget, hidden=32, share_prompts=share, padded=padded)


def test_a_group_shares_its_prompt_where_it_fits() -> None:
    sequences = [sequence(g, 10, 5) for g in (0, 0, 0, 1, 1, 1)]
    assert [u.members for u in make_units(sequences, 1, 1000, share=True)] == [(0, 1, 2), (3, 4, 5)]
    # 10 + 2 * 4 tokens fit into 18, a third response does not.
    assert [u.members for u in make_units(sequences, 1, 18, share=True)] == [(0, 1), (2,), (3, 4), (5,)]
    assert len(make_units(sequences, 1, 1000, share=False)) == 6
    assert make_units(sequences, 1, 1000, share=True)[0].tokens == 10 + 3 * 4


def test_one_group_is_split_over_idle_ranks() -> None:
    plan = plan_step([sequence(0, 4, 50)] * 4, 2, 10_000, hidden=32, share_prompts=True)
    assert [sum(len(u.members) for m in rank for u in m) for rank in plan.ranks] == [2, 2]
    assert plan.imbalance(32) == 1.0


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ([], "an empty batch"),
        ([sequence(0, 0, 3)], "sequence 0 of the batch has 0 prompt and 3 response tokens"),
        ([sequence(0, 3, 1), sequence(0, 3, 0)], "sequence 1 of the batch has 3 prompt and 0 response tokens"),
        ([sequence(0, 3, 1), sequence(0, 4, 1)], "sequences 0 and 1 are both of group 0 but have different prompts"),
    ],
)
def test_refused(sequences: list[TrainSequence], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan_step(sequences, 1, 100, hidden=32, share_prompts=True)


@pytest.mark.parametrize(("prompts", "length", "samples"), [(1, 400, 64), (4, 400, 16), (16, 100, 64)])
def test_shared_prompts_do_not_multiply_keys_beyond_the_bound(prompts: int, length: int, samples: int) -> None:
    """Every response gathers the keys of its prompt for itself; the budget of tokens counts the prompt once."""
    sequences = [sequence(group, length, 4) for group in range(prompts) for _ in range(samples)]
    plan = plan_step(sequences, 1, 800, hidden=64, share_prompts=True)
    (rank,) = plan.ranks
    assert sorted(m for micro in rank for unit in micro for m in unit.members) == list(range(len(sequences)))
    for micro in rank:
        assert sum(unit.tokens for unit in micro) <= 800
        assert sum(unit.keys for unit in micro) <= KEY_ROWS * 800
    assert Unit(400, (0, 1), (4, 6)).keys == 403 + 405
