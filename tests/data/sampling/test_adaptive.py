"""The adaptive sampler by what it hands out: priorities, curriculum, filters, mix, and resuming to the bit."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.data.sampling import AdaptiveSampler
from rlhf.data.sampling.mix import DomainMix
from rlhf.data.sampling.protocol import Probed
from rlhf.recipe.data_schema import MixConfig, SamplingConfig
from rlhf.types import Prompt


def prompts(n: int, domains=("sums",), difficulties=None) -> list[Prompt]:
    hard = difficulties or [None] * n
    return [Prompt(f"train/{i}", "q", (3,), domain=domains[i % len(domains)], difficulty=hard[i]) for i in range(n)]


def sampler_of(n=8, seed=0, domains=("sums",), difficulties=None, per_step=2, mix=None, **rules) -> AdaptiveSampler:
    config = SamplingConfig(mix=MixConfig(**(mix or {})), **rules)
    return AdaptiveSampler(prompts(n, domains, difficulties), config, per_step, seed, "f")


def drawn(sampler, count: int) -> Counter[int]:
    return Counter(sampler.next() for _ in range(count))


def test_prompts_are_drawn_in_proportion_to_what_is_not_yet_solved():
    sampler = sampler_of(4, order="prioritised", floor=0.1, probe_samples=4)
    sampler.learn(Probed(pass_rate_N=(0.0, 0.5, 0.75, 1.0)))
    counts = drawn(sampler, 20_000)
    weights = [1.0, 0.5, 0.25, 0.1]
    for index, weight in enumerate(weights):
        assert counts[index] / 20_000 == pytest.approx(weight / sum(weights), abs=0.015)


def test_a_prompt_that_was_never_answered_counts_as_unsolved():
    sampler = sampler_of(2, order="prioritised", floor=0.0)
    sampler.observe(0, 1.0, False)
    assert drawn(sampler, 50) == {1: 50}


def test_success_rates_are_running_averages():
    sampler = sampler_of(2, order="prioritised", memory=0.75)
    sampler.observe(0, 1.0, False)
    sampler.observe(0, 0.0, False)
    sampler.observe(0, 0.0, False)
    assert sampler.state_dict()["rates"] == [pytest.approx(0.5625), None]


def test_epochs_meet_every_prompt_once_before_any_twice():
    sampler = sampler_of(6, mix={"weights": {"sums": 1.0}})
    for _ in range(3):
        assert drawn(sampler, 6) == dict.fromkeys(range(6), 1)


def test_a_busy_prompt_is_taken_only_where_there_is_no_other():
    sampler = sampler_of(3, order="prioritised")
    assert {sampler.next(busy=[0, 2]) for _ in range(20)} == {1}
    assert {sampler.next(busy=[0, 1, 2]) for _ in range(50)} == {0, 1, 2}


def test_a_curriculum_begins_with_the_easiest_and_opens_to_all():
    hard = [5.0, 1.0, 4.0, 0.0, 3.0, 2.0, 7.0, 6.0]
    for step, opened in ((0, {3, 1}), (5, {3, 1, 5, 4, 2}), (10, set(range(8))), (99, set(range(8)))):
        sampler = sampler_of(8, difficulties=hard, curriculum_steps=10, curriculum_start=0.25)
        assert {sampler.next(step=step) for _ in range(60)} == opened
        assert sampler.metrics()["sampler/open"] == len(opened)


def test_probed_rates_are_the_difficulty_where_the_data_gives_none():
    sampler = sampler_of(4, probe_samples=4, curriculum_steps=100, curriculum_start=0.0)
    sampler.learn(Probed(pass_rate_N=(0.2, 1.0, 0.4, 0.9)))
    assert set(drawn(sampler, 4)) == {1, 3}, "at least a step's worth is open"


def test_filters_leave_prompts_out_and_say_so():
    sampler = sampler_of(5, probe_samples=4, guesses=4, pass_rate_above=0.0, pass_rate_below=0.9)
    told = sampler.learn(Probed((0.0, 0.5, 0.9, 0.5, 0.5), (True, False, True, True, False)))
    assert (
        told
        == "2 of 5 prompts are trained on (left out: 2 outside the band of success rates, 1 guessed without thinking)"
    )
    assert set(drawn(sampler, 20)) == {1, 4}


def test_filters_that_leave_nothing_are_an_error():
    sampler = sampler_of(2, probe_samples=4, pass_rate_above=0.5)
    with pytest.raises(ValueError, match=r"0 of 2 prompts are trained on .*: widen"):
        sampler.learn(Probed((0.0, 0.5)))


def test_a_prompt_of_unknown_rate_is_within_any_band_and_last_in_a_curriculum():
    """Its verifier failed, or its answers are graded: nothing speaks against it."""
    sampler = sampler_of(4, probe_samples=4, pass_rate_above=0.0, pass_rate_below=0.9, curriculum_steps=9)
    sampler.learn(Probed((0.0, math.nan, 0.5, 0.25)))
    assert sampler.trained_on == [1, 2, 3]
    assert set(drawn(sampler, 4)) == {2, 3}
    assert {sampler.next(step=9) for _ in range(6)} == {1, 2, 3}


def test_a_graded_group_says_whether_there_is_something_to_learn_and_no_rate():
    sampler = sampler_of(2, domains=("sums", "chat"), mix={"adaptive": True, "memory": 0.0})
    sampler.observe(1, None, informative=False)
    assert sampler.state_dict()["rates"] == [None, None]
    assert sampler.metrics()["sampler/mix/chat"] == pytest.approx(0.1 / 1.1)


def test_a_fixed_mix_follows_its_weights():
    sampler = sampler_of(10, domains=("sums", "logic"), mix={"weights": {"sums": 3.0, "logic": 1.0}})
    counts = drawn(sampler, 8000)
    assert sum(counts[i] for i in range(0, 10, 2)) / 8000 == pytest.approx(0.75, abs=0.02)


def test_an_adaptive_mix_turns_to_where_answers_differ():
    mix = DomainMix({"sums": 1.0, "logic": 1.0}, MixConfig(adaptive=True, memory=0.5, floor=0.1))
    assert mix.weights() == {"sums": 0.5, "logic": 0.5}
    for _ in range(20):
        mix.observe("sums", False)
        mix.observe("logic", True)
    assert mix.weights() == pytest.approx({"sums": 0.1 / 1.1, "logic": 1.0 / 1.1})
    assert mix.metrics()["sampler/useful/logic"] == 1.0


@pytest.mark.parametrize(("uniform", "domain"), [(0.0, "a"), (0.24, "a"), (0.26, "b"), (0.99999, "b")])
def test_a_domain_is_drawn_by_its_share(uniform, domain):
    assert DomainMix({"a": 1.0, "b": 3.0}, MixConfig()).draw(uniform) == domain


actions = st.lists(st.tuples(st.sampled_from(["next", "back", "see"]), st.integers(0, 7)), max_size=30)


def act(sampler: AdaptiveSampler, steps) -> list[int]:
    handed = []
    for kind, index in steps:
        if kind == "next":
            handed.append(sampler.next([index], step=index))
        elif kind == "back":
            sampler.give_back(index)
        else:
            sampler.observe(index, None if index == 4 else index / 7, informative=index in (2, 4))
    return handed


@given(st.sampled_from(["epochs", "prioritised"]), st.booleans(), actions, actions)
def test_resumed_anywhere_it_continues_the_same(order, adaptive, before, after):
    def fresh():
        rules = {"order": order, "probe_samples": 2, "curriculum_steps": 5, "mix": {"adaptive": adaptive}}
        return sampler_of(8, domains=("a", "b"), **rules)

    sampler = fresh()
    sampler.learn(Probed(tuple(i / 8 for i in range(8)), tuple(i == 3 for i in range(8))))
    act(sampler, before)
    resumed = fresh()
    resumed.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert resumed.state_dict() == sampler.state_dict()
    assert act(resumed, after) == act(sampler, after)
    assert resumed.state_dict() == sampler.state_dict()


def test_a_state_of_other_prompts_is_refused():
    state = sampler_of(4, order="prioritised").state_dict()
    with pytest.raises(ValueError, match="saved with n 4, the recipe now gives 5"):
        sampler_of(5, order="prioritised").load_state_dict(state)


def test_what_was_never_handed_out_cannot_come_back():
    with pytest.raises(ValueError, match="index 9 was never handed out: there are 4 prompts"):
        sampler_of(4).give_back(9)
