"""Which passes a step makes, and what becomes of their answers."""

import numpy as np
import pytest

from rlhf.group_json import group_from_json
from rlhf.learner.spec import NonFiniteError
from rlhf.offending import OffendingBatchError, keep_batch
from rlhf.updates.experience import ExperienceMaker
from rlhf.updates.step import Updates
from tests.rollout.factories import group
from tests.updates.fakes import Fake
from tests.updates.recipes import recipe

GROUPS = [group(0, (1.0, 0.0)), group(1, (0.0, 1.0, None))]


PASSES = [
    ({"name": "grpo"}, [], [], []),
    ({"name": "grpo", "mini_batches": 4}, [], [], []),
    ({"name": "grpo", "old_logprobs": "recomputed"}, [], [], []),
    ({"name": "grpo", "old_logprobs": "recomputed", "mini_batches": 2}, ["logp"], [], []),
    ({"name": "gspo", "inner_epochs": 2}, ["logp"], [], []),
    ({"name": "grpo", "correction": {"reject": "k3"}}, ["logp"], [], []),
    ({"name": "grpo", "kl": {"place": "loss", "coef": 0.1}}, [], ["logp"], []),
    ({"name": "rloo"}, ["logp"], ["logp"], []),
    ({"name": "kimi_k1_5"}, [], [], []),
    ({"name": "kimi_k1_5", "mini_batches": 2}, ["logp"], [], []),
    ({"name": "kimi_k1_5", "mini_batches": 2, "kl": {"place": "loss", "coef": 0.1}}, ["logp"], ["logp"], []),
    ({"name": "ppo"}, [], [], ["values"]),
]


@pytest.mark.parametrize(("algorithm", "learner", "reference", "critic"), PASSES, ids=[str(p[0]) for p in PASSES])
async def test_only_what_the_algorithm_needs_is_asked_for(algorithm, learner, reference, critic):
    of_it = [Fake(-2.0), Fake(-3.0), Fake(0.25)]
    held = [of_it[0], of_it[2] if critic else None, of_it[1] if reference else None]
    made = await ExperienceMaker(recipe(**algorithm), *held).make(GROUPS, step=0)
    assert [f.calls for f in of_it] == [learner, reference, critic]
    assert len(made.batch.sequences) == 4, "the sample that no verifier could judge is left out"
    first = made.batch.sequences[0]
    assert (first.reference_logp_R is not None) == bool(reference)
    assert (first.value_R is not None) == bool(critic)
    assert (first.return_R is not None) == bool(critic)


async def test_mirror_descent_is_pulled_to_the_policy_as_it_is_at_the_start():
    """And a KL term to the reference, which is another policy."""
    asked = recipe(name="kimi_k1_5", inner_epochs=2, kl={"place": "loss", "coef": 0.1})
    made = await ExperienceMaker(asked, Fake(-2.0), reference=Fake(-3.0)).make(GROUPS, step=0)
    assert all((s.old_logp_R == -2.0).all() for s in made.batch.sequences)
    assert all((s.reference_logp_R == -3.0).all() for s in made.batch.sequences)


async def test_rejection_takes_responses_out_of_the_mask_and_counts_them():
    """The learner says -2 where the engine said about -0.2: every response is far off."""
    rules = {"reject": "k3", "reject_high": 0.1}
    made = await ExperienceMaker(recipe(name="grpo", correction=rules), Fake(-2.0)).make(GROUPS, step=0)
    assert made.facts["correction/rejected"] == 1.0
    assert made.batch.global_tokens == 0
    assert made.batch.global_sequences == 0


async def test_weights_are_those_of_the_engine_and_the_learner():
    algorithm = {"name": "grpo", "old_logprobs": "recomputed", "correction": {"weight": "token_tis", "high": 0.5}}
    learner = Fake(-1.0)
    made = await ExperienceMaker(recipe(**algorithm), learner).make(GROUPS, step=0)
    for sequence in made.batch.sequences:
        expected = np.minimum(np.exp(-1.0 - sequence.behaviour_logp_R.astype(np.float64)), 0.5)
        assert np.allclose(sequence.weight_R, expected, atol=1e-6)


async def test_a_step_that_is_not_finite_keeps_its_batch(tmp_path):
    learner = Fake(answers=[NonFiniteError("the gradient's norm is nan")])
    updates = Updates(recipe(name="grpo"), learner, None, None)
    with pytest.raises(OffendingBatchError, match="step 8: the gradient's norm is nan") as stop:
        await updates.step(GROUPS, 7, {})
    path = keep_batch(tmp_path, stop.value)
    assert path == tmp_path / "offending" / "batch_1.jsonl"
    import json

    kept = [group_from_json(json.loads(line)) for line in path.read_text().splitlines()]
    assert [g.prompt.id for g in kept] == ["train/0", "train/1"]
    assert np.array_equal(kept[0].samples[0].trajectory.logp_R, GROUPS[0].samples[0].trajectory.logp_R)
    assert keep_batch(tmp_path, stop.value).name == "batch_2.jsonl"


async def test_a_reference_is_told_how_many_steps_are_done():
    told = []

    class Reference(Fake):
        async def after_step(self, step):
            told.append(step)

    updates = Updates(recipe(name="grpo", kl={"place": "loss", "coef": 0.1}), Fake(), None, Reference(-1.0))
    for step in (0, 1):
        await updates.step(GROUPS, step, {})
    assert told == [1, 2]
