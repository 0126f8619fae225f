"""The value function as a learner of its own: its start, its targets, its clip, its state."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from learner_helpers import make_sequences, make_spec, run_ranks

from rlhf.learner.critic import CriticRank
from rlhf.learner.spec import NonFiniteError
from rlhf.types import Batch


def with_returns(values=None, seed=0, target=None):
    draw = np.random.default_rng(seed)
    found = []
    for i, sequence in enumerate(make_sequences(seed=seed)):
        n = len(sequence.response_ids_R)
        wanted = draw.normal(size=n) if target is None else np.full(n, target)
        held = np.zeros(n) if values is None else values[i]
        found.append(replace(sequence, value_R=held.astype(np.float32), return_R=wanted.astype(np.float32)))
    return Batch.of(found)


def test_before_it_has_learned_every_value_is_zero(models):
    with closing(CriticRank(make_spec(models["qwen3"]))) as critic:
        values = critic.values(make_sequences())
    assert [len(v) for v in values] == [len(s.response_ids_R) for s in make_sequences()]
    assert all((v == 0).all() for v in values)


def test_the_loss_is_half_the_mean_square_over_the_batch(models):
    batch = with_returns()
    with closing(CriticRank(make_spec(models["qwen3"]))) as critic:
        result = critic.update(batch, clip=None)
    squares = sum(float((s.mask_R * s.return_R.astype(np.float64) ** 2).sum()) for s in batch.sequences)
    assert result.loss == pytest.approx(0.5 * squares / batch.global_tokens, rel=1e-5)


def test_it_learns_what_it_is_told(models):
    with closing(CriticRank(make_spec(models["qwen3"], adam_eps=1e-8, learning_rate=1e-2))) as critic:
        losses = [critic.update(with_returns(target=0.7), clip=None).loss for _ in range(60)]
        values = np.concatenate(critic.values(make_sequences()))
    assert losses[-1] < 0.02 * losses[0]
    assert np.abs(values - 0.7).mean() < 0.15


def second_step(folder, **keys):
    """(loss, norm of the gradient); from zero, the head alone learns."""
    with closing(CriticRank(make_spec(folder, **keys))) as critic:
        critic.update(with_returns(), clip=None)
        second = critic.update(with_returns(seed=1), clip=0.2)
        return second.loss, second.grad_norm


def on_a_rank(folder, place):
    return second_step(folder, zero_stage=2, **place())


@pytest.mark.parametrize(
    "keys",
    [{"token_budget": 1, "share_prompts": False}, {"token_budget": 64}, {"packing": "padded", "zero_stage": 3}],
    ids=str,
)
def test_no_split_changes_its_gradient(models, keys):
    whole = second_step(models["qwen3_moe"], token_budget=10**6, zero_stage=0)
    assert second_step(models["qwen3_moe"], **keys) == pytest.approx(whole, rel=1e-5)


def test_no_split_over_ranks_changes_its_gradient(models, tmp_path):
    whole = second_step(models["qwen3_moe"], token_budget=10**6, zero_stage=0)
    one, other = run_ranks(2, partial(on_a_rank, models["qwen3_moe"]), tmp_path)
    assert one == other == pytest.approx(whole, rel=1e-5)


def test_its_state_is_saved_and_loaded_bit_for_bit(models, tmp_path):
    batch = with_returns()
    with closing(CriticRank(make_spec(models["qwen3"], dtype="bfloat16"))) as critic:
        critic.update(batch, clip=None)
        critic.save(tmp_path)
        straight = critic.update(batch, clip=None)
        values = critic.values(make_sequences())
    with closing(CriticRank(make_spec(models["qwen3"], dtype="bfloat16"))) as critic:
        critic.load(tmp_path)
        resumed = critic.update(batch, clip=None)
        assert (resumed.loss, resumed.grad_norm, resumed.step) == (straight.loss, straight.grad_norm, 2)
        for a, b in zip(critic.values(make_sequences()), values, strict=True):
            assert np.array_equal(a, b)


def test_a_return_that_is_not_finite_changes_nothing(models):
    bad = with_returns(target=np.nan)
    with closing(CriticRank(make_spec(models["qwen3"]))) as critic:
        with pytest.raises(NonFiniteError):
            critic.update(bad, clip=None)
        assert all((v == 0).all() for v in critic.values(make_sequences()))


def test_sequences_without_returns_are_refused(models):
    with (
        closing(CriticRank(make_spec(models["qwen3"]))) as critic,
        pytest.raises(ValueError, match="a critic learns from sequences with"),
    ):
        critic.update(Batch.of(make_sequences()), clip=None)


def test_its_values_do_not_depend_on_the_policy_head(models):
    with closing(CriticRank(make_spec(models["tied"]))) as critic:
        names = {name for name, _ in critic._engine.ds.module.named_parameters()}
    assert "head.weight" in names
    assert not any("lm_head" in name for name in names)


@pytest.mark.parametrize("stage", [1, 3])
def test_an_exported_critic_is_where_another_starts(models, tmp_path, stage):
    spec = make_spec(models["qwen3_moe"], zero_stage=stage)
    with closing(CriticRank(spec)) as critic:
        critic.update(with_returns(), clip=None)
        critic.update(with_returns(), clip=None)
        critic.export_hf(tmp_path / "critic")
        expected = np.concatenate(critic.values(make_sequences()))
    assert np.abs(expected).max() > 1e-3
    with closing(CriticRank(make_spec(str(tmp_path / "critic")))) as critic:
        assert np.allclose(np.concatenate(critic.values(make_sequences())), expected, atol=1e-5)
