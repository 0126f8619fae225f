"""The flow of prompts with a scripted sampler of responses: capacity, staleness, retries, accounting."""

import asyncio
from collections import Counter

import pytest

from rlhf.data.sampling.epochs import EpochSampler
from rlhf.group_json import group_from_json, group_to_json
from rlhf.prompt_flow import PromptFlow
from rlhf.recipe.schema import TrainerConfig
from rlhf.rollout.admission import Admission
from rlhf.rollout.buffer import NothingToTrainOnError
from rlhf.rollout.sampling import EngineLostError, GenerationAbortedError
from tests.rollout.factories import group, prompt


class ScriptedRollouter:
    """Stands in for the engines: each prompt waits until the test lets it finish, or fails as told."""

    def __init__(self):
        self.waiting: dict[str, asyncio.Future] = {}
        self.asked: list[str] = []

    async def group(self, which, attempt=0):
        self.asked.append(which.id)
        future = asyncio.get_running_loop().create_future()
        self.waiting[which.id] = future
        return await future

    def finish(self, identifier, versions=(0,), rewards=(1.0, 0.0)):
        index = int(identifier.split("/")[1])
        self.waiting.pop(identifier).set_result(group(index, rewards, versions))

    def fail(self, identifier, error):
        self.waiting.pop(identifier).set_exception(error)


def flow_of(staleness=0, batch=2, prompts=8, attempts=3, **rules):
    config = TrainerConfig(prompts_per_step=batch, max_staleness=staleness, max_prompt_attempts=attempts)
    rollouter = ScriptedRollouter()
    sampler = EpochSampler(prompts, seed=0, shuffle=False)
    return PromptFlow([prompt(i) for i in range(prompts)], sampler, rollouter, config, **rules), rollouter


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def finish_all(rollouter, **kwargs):
    await settle()
    for identifier in list(rollouter.waiting):
        rollouter.finish(identifier, **kwargs)
    await settle()


async def test_synchronous_training_samples_one_batch_and_nothing_while_learning():
    flow, rollouter = flow_of(staleness=0)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await finish_all(rollouter)
    assert [g.prompt.id for g in await taking] == ["train/0", "train/1"]
    flow.fill(version=0, remaining_steps=9)
    await settle()
    assert rollouter.waiting == {}, "nothing may be sampled before the next publication"
    flow.fill(version=1, remaining_steps=8)
    await settle()
    assert sorted(rollouter.waiting) == ["train/2", "train/3"]
    await flow.cancel()


@pytest.mark.parametrize(("staleness", "remaining", "ahead"), [(1, 9, 2), (3, 9, 6), (3, 2, 2), (3, 1, 0)])
async def test_while_learning_at_most_the_bound_is_sampled_ahead(staleness, remaining, ahead):
    flow, rollouter = flow_of(staleness=staleness, prompts=40)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=remaining))
    await settle()
    for identifier in ("train/0", "train/1"):
        rollouter.finish(identifier)
    await taking
    flow.fill(version=0, remaining_steps=remaining)
    await settle()
    assert len(rollouter.waiting) == ahead
    await flow.cancel()
    flow.ledger.check()


async def test_finished_groups_do_not_wait_for_the_slowest():
    flow, rollouter = flow_of(staleness=1, batch=2)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await settle()
    assert sorted(rollouter.waiting) == ["train/0", "train/1", "train/2", "train/3"]
    rollouter.finish("train/3")
    rollouter.finish("train/1")
    assert sorted(g.prompt.id for g in await taking) == ["train/1", "train/3"]
    await flow.cancel()


@pytest.mark.parametrize("error", [EngineLostError("gone"), GenerationAbortedError("cut"), TimeoutError()])
async def test_a_failed_prompt_is_handed_out_again_and_counted(error):
    flow, rollouter = flow_of()
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await settle()
    rollouter.fail("train/0", error)
    await settle()
    assert sorted(rollouter.waiting) == ["train/0", "train/1"]
    await finish_all(rollouter)
    assert {g.prompt.id for g in await taking} == {"train/0", "train/1"}
    assert flow.ledger.returned.total() == 1
    assert flow.ledger.handed_out == 3


async def test_a_prompt_that_always_fails_is_dropped_and_another_takes_its_place():
    flow, rollouter = flow_of(attempts=2)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    for _ in range(2):
        await settle()
        rollouter.fail("train/0", EngineLostError("gone"))
    await finish_all(rollouter)
    assert {g.prompt.id for g in await taking} == {"train/1", "train/2"}
    assert flow.ledger.dropped == Counter({"engine_lost": 1})
    assert flow.ledger.returned == Counter({"engine_lost": 1})


async def test_stale_groups_are_not_trained_on_and_their_prompts_come_again():
    flow, rollouter = flow_of(staleness=1)
    taking = asyncio.create_task(flow.take(version=2, remaining_steps=9))
    await settle()
    rollouter.finish("train/0", versions=(0,))  # two versions old: beyond the bound
    rollouter.finish("train/1", versions=(1, 2))  # its oldest token is one version old
    await settle()
    assert "train/0" in rollouter.waiting, "handed out again"
    rollouter.finish("train/0", versions=(2,))
    taken = await taking
    assert [(g.prompt.id, g.oldest_version) for g in taken] == [("train/1", 1), ("train/0", 2)]
    assert flow.ledger.returned == Counter({"stale": 1})
    await flow.cancel()


async def test_a_group_without_two_judged_samples_is_dropped():
    flow, rollouter = flow_of()
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await settle()
    rollouter.finish("train/0", rewards=(1.0, None, None))
    await finish_all(rollouter)
    await finish_all(rollouter)
    assert {g.prompt.id for g in await taking} == {"train/1", "train/2"}
    assert flow.ledger.dropped == Counter({"verifier_error": 1})


async def test_an_unexpected_error_reaches_whoever_waits():
    flow, rollouter = flow_of()
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await settle()
    rollouter.fail("train/0", ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError, match="a defect"):
        await taking
    await flow.cancel()
    flow.ledger.check()


async def test_a_resumed_flow_hands_out_what_was_in_flight_first_and_keeps_the_buffer():
    flow, rollouter = flow_of(staleness=1, batch=2)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await settle()
    for identifier in ("train/0", "train/1", "train/3"):
        rollouter.finish(identifier)
    await taking
    await settle()
    state = flow.state_dict()
    saved = [group_from_json(group_to_json(g)) for g in flow.buffer.groups()]
    assert [g.prompt.id for g in saved] == ["train/3"]

    resumed, again = flow_of(staleness=1, batch=2)
    resumed.load_state_dict(state, saved)
    resumed.fill(version=1, remaining_steps=8)
    await settle()
    assert again.asked == ["train/2", "train/4", "train/5"], "in flight at the checkpoint comes first"
    assert resumed.ledger.buffered == 1
    await flow.cancel()
    await resumed.cancel()


async def test_a_verifier_that_always_fails_ends_the_wait_with_its_reason():
    flow, rollouter = flow_of(batch=2, prompts=40)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    for _ in range(4):
        assert not taking.done()
        await finish_all(rollouter, rewards=(None, None))
    with pytest.raises(NothingToTrainOnError, match=r"8 prompts in a row.*train/\d+: verifier math failed: broke"):
        await taking
    flow.ledger.check()


async def test_prompts_that_fail_for_good_end_the_wait_too():
    flow, rollouter = flow_of(batch=2, prompts=40, attempts=1)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    for _ in range(4):
        await settle()
        for identifier in list(rollouter.waiting):
            rollouter.fail(identifier, GenerationAbortedError("cut off"))
    with pytest.raises(NothingToTrainOnError, match="cut off"):
        await asyncio.wait_for(taking, 5)


DYNAMIC = {"admission": Admission(2, "mixed_accuracy"), "max_resampled": 3}


async def finish_some(flow, rollouter, mixed, others, version=0):
    """Of the groups that are out, so many with right and wrong answers, and so many with right ones alone."""
    for rewards, count in (((1.0, 0.0), mixed), ((1.0, 1.0), others)):
        for _ in range(count):
            await settle()
            rollouter.finish(min(rollouter.waiting), rewards=rewards, versions=(version,))
    await settle()


async def test_dynamic_sampling_refills_the_batch_and_counts_what_it_leaves_out():
    flow, rollouter = flow_of(batch=4, prompts=80, **DYNAMIC)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await finish_some(flow, rollouter, mixed=3, others=11)
    assert not taking.done()
    await finish_some(flow, rollouter, mixed=1, others=0)
    taken = await asyncio.wait_for(taking, 5)
    assert len(taken) == 4
    assert all(g.accuracy == 0.5 for g in taken)
    assert flow.metrics()["prompts/dropped/all_correct"] == 11
    flow.ledger.check()
    await flow.cancel()


async def test_too_many_groups_left_out_for_one_batch_are_an_error_however_they_come():
    flow, rollouter = flow_of(batch=4, prompts=80, **DYNAMIC)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    for _ in range(2):
        await finish_some(flow, rollouter, mixed=1, others=5)
    assert not taking.done()
    await finish_some(flow, rollouter, mixed=1, others=2)
    with pytest.raises(
        NothingToTrainOnError, match=r"12 groups had nothing to learn from \(12 all_correct\) before 3 others"
    ):
        await asyncio.wait_for(taking, 5)
    await flow.cancel()


async def test_the_next_batch_has_a_patience_of_its_own():
    flow, rollouter = flow_of(batch=2, prompts=80, **DYNAMIC)
    for version in range(3):
        taking = asyncio.create_task(flow.take(version, remaining_steps=9))
        await finish_some(flow, rollouter, mixed=0, others=5, version=version)
        await finish_some(flow, rollouter, mixed=2, others=0, version=version)
        assert len(await asyncio.wait_for(taking, 5)) == 2
    await flow.cancel()


async def test_a_group_to_train_on_restores_the_patience():
    flow, rollouter = flow_of(batch=4, prompts=80)
    taking = asyncio.create_task(flow.take(version=0, remaining_steps=9))
    await settle()
    for _ in range(3):
        rollouter.finish(min(rollouter.waiting))
        for _ in range(10):  # fewer in a row than the patience of 16, more altogether
            rollouter.finish(min(rollouter.waiting), rewards=(None, None))
            await settle()
    assert not taking.done()
    await finish_all(rollouter)
    assert len(await taking) == 4
    await flow.cancel()
