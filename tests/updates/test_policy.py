"""Mini-batches and inner epochs: what is learned from, how often, and what is told of it."""

import pytest

from rlhf.algorithms.catalog import CATALOG
from rlhf.learner.spec import StepResult
from rlhf.recipe.algorithm_schema import AlgorithmConfig
from rlhf.types import Batch
from rlhf.updates.policy import PolicyUpdates, mini_batches, together
from tests.learner_sequences import sequences
from tests.updates.fakes import Fake


def batch_of(prompts=5, samples=2):
    return Batch.of(sequences(prompts, samples), 0.7)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_sequence_is_in_one_mini_batch_with_all_samples_of_its_prompt(count):
    batch = batch_of()
    parts = list(mini_batches(batch, count, "seed"))
    assert len(parts) == count
    assert sorted(id(s) for part in parts for s in part.sequences) == sorted(id(s) for s in batch.sequences)
    for part in parts:
        groups = {s.group for s in part.sequences}
        assert len(part.sequences) == 2 * len(groups)
        assert part.temperature == 0.7
        assert part.global_tokens == sum(s.mask_R.sum() for s in part.sequences)


def test_the_order_of_mini_batches_depends_on_the_seed_alone():
    def groups(seed):
        return [sorted({s.group for s in part.sequences}) for part in mini_batches(batch_of(8), 4, seed)]

    assert groups("a") == groups("a")
    assert len({str(groups(seed)) for seed in "abcdef"}) > 1


def test_a_mini_batch_without_a_token_is_left_out():
    found = sequences(3, 2)
    for sequence in found[:2]:
        sequence.mask_R[:] = 0.0
    assert len(list(mini_batches(Batch.of(found), 3, "s"))) == 2


async def test_every_inner_epoch_goes_over_all_mini_batches():
    learner = Fake()
    config = AlgorithmConfig(mini_batches=3, inner_epochs=2)
    await PolicyUpdates(learner, config, CATALOG["grpo"], seed=0).run(batch_of(), step=4)
    assert learner.calls == ["update"] * 6
    first, second = learner.batches[:3], learner.batches[3:]
    for epoch in (first, second):
        assert {s.group for b in epoch for s in b.sequences} == set(range(5))


async def test_a_batch_of_rejected_responses_changes_nothing():
    learner, found = Fake(), sequences(2, 2)
    for sequence in found:
        sequence.mask_R[:] = 0.0
    result = await PolicyUpdates(learner, AlgorithmConfig(), CATALOG["grpo"], 0).run(Batch.of(found), 0)
    assert learner.calls == []
    assert (result.loss, result.grad_norm, result.metrics["tokens"]) == (0.0, 0.0, 0.0)


async def test_mirror_descent_resets_the_optimizer_at_the_start_of_a_step():
    learner = Fake()
    await PolicyUpdates(learner, AlgorithmConfig(mini_batches=2), CATALOG["kimi_k1_5"], 0).run(batch_of(), 0)
    assert learner.calls == ["reset_optimizer", "update", "update"]


def test_several_updates_are_told_as_one():
    results = [
        StepResult(3, 1.0, 0.5, 1e-3, {"mismatch/kl": 0.1, "loss/clipped_high": 0.0, "entropy": 1.0}),
        StepResult(4, 3.0, 2.5, 2e-3, {"mismatch/kl": 0.9, "loss/clipped_high": 0.4, "entropy": 2.0}),
    ]
    found = together(results)
    assert (found.step, found.loss, found.grad_norm, found.lr) == (4, 2.0, 2.5, 2e-3)
    assert found.metrics == {
        "mismatch/kl": 0.1,
        "loss/clipped_high": 0.2,
        "loss/clipped_high/1": 0.0,
        "loss/clipped_high/2": 0.4,
        "entropy": 1.5,
    }
