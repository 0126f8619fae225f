"""The sampler by its laws: permutations, resuming, and prompts that come back."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.data.sampling.epochs import EpochSampler

sizes = st.integers(1, 12)
seeds = st.integers(0, 5)
# An action: None takes the next index; a number gives back one of those that are out.
actions = st.lists(st.none() | st.integers(0, 50), max_size=40)


def take(sampler: EpochSampler, count: int) -> list[int]:
    return [sampler.next() for _ in range(count)]


def act(sampler: EpochSampler, steps) -> list[int]:
    """What was handed out; indices are given back from those that are out."""
    handed, out = [], []
    for step in steps:
        if step is None or not out:
            out.append(sampler.next())
            handed.append(out[-1])
        else:
            sampler.give_back(out.pop(step % len(out)))
    return handed


@given(sizes, seeds, st.booleans())
def test_every_epoch_is_a_permutation(n, seed, shuffle):
    sampler = EpochSampler(n, seed, shuffle)
    for epoch in range(3):
        assert sorted(take(sampler, n)) == list(range(n))
        assert sampler.epoch == epoch


@given(sizes, seeds, st.booleans(), actions, actions)
def test_resumed_anywhere_it_continues_the_same(n, seed, shuffle, before, after):
    sampler = EpochSampler(n, seed, shuffle)
    act(sampler, before)
    state = json.loads(json.dumps(sampler.state_dict()))
    resumed = EpochSampler(n, seed, shuffle)
    resumed.load_state_dict(state)
    assert resumed.state_dict() == sampler.state_dict()
    assert act(resumed, after) == act(sampler, after)
    assert resumed.state_dict() == sampler.state_dict()


@given(sizes, seeds, actions)
def test_nothing_is_lost_or_handed_out_twice(n, seed, steps):
    """Taken minus given back, and the returned ones, are what whole epochs and the begun one hold."""
    sampler, out = EpochSampler(n, seed), Counter()
    for step in steps:
        held = sorted(out.elements())
        if step is None or not held:
            out[sampler.next()] += 1
        else:
            index = held[step % len(held)]
            sampler.give_back(index)
            out[index] -= 1
    fresh = EpochSampler(n, seed)
    state = sampler.state_dict()
    drawn = Counter(take(fresh, state["epoch"] * n + state["position"]))
    assert +out + Counter(sampler.returned) == drawn


@given(sizes, seeds, st.data())
def test_given_back_goes_to_the_front(n, seed, data):
    sampler, untouched = EpochSampler(n, seed), EpochSampler(n, seed)
    count = data.draw(st.integers(1, 2 * n))
    handed = take(sampler, count)
    assert handed == take(untouched, count)
    first, second = data.draw(st.sampled_from(handed)), data.draw(st.sampled_from(handed))
    sampler.give_back(first)
    sampler.give_back(second)
    assert take(sampler, 2) == [second, first]
    assert take(sampler, n) == take(untouched, n)


def test_order_is_what_it_was_when_this_was_written():
    """A change of the order would make old checkpoints resume with other prompts."""
    assert take(EpochSampler(8, seed=0), 16) == [0, 3, 7, 4, 1, 5, 2, 6, 6, 3, 1, 2, 0, 4, 5, 7]
    assert take(EpochSampler(3, seed=0, shuffle=False), 7) == [0, 1, 2, 0, 1, 2, 0]


def test_seeds_and_epochs_differ():
    orders = {tuple(take(EpochSampler(50, seed), 50)) for seed in range(5)}
    sampler = EpochSampler(50, 0)
    orders |= {tuple(take(sampler, 50)) for _ in range(5)}
    assert len(orders) == 9, "seed 0's first epoch is in both"


@pytest.mark.parametrize(
    ("other", "key"),
    [
        (EpochSampler(5, 0), "n 4"),
        (EpochSampler(4, 1), "seed 0"),
        (EpochSampler(4, 0, shuffle=False), "shuffle True"),
        (EpochSampler(4, 0, fingerprint="b"), "fingerprint ''"),
    ],
)
def test_state_of_other_prompts_is_refused(other, key):
    before = other.state_dict()
    with pytest.raises(ValueError, match=f"saved with {key}"):
        other.load_state_dict(EpochSampler(4, 0).state_dict())
    assert other.state_dict() == before


@pytest.mark.parametrize("index", [-1, 3])
def test_index_out_of_range_is_refused(index):
    with pytest.raises(ValueError, match=f"index {index} was never handed out: there are 3 prompts"):
        EpochSampler(3).give_back(index)


def test_no_prompts_are_refused():
    with pytest.raises(ValueError, match="at least one prompt, found 0"):
        EpochSampler(0)
