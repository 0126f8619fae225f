"""The reference policy beside the learner: frozen, refreshed, averaged; and as the base weights under adapters."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch
from learner_helpers import make_sequences, make_spec, policy_gradient

from rlhf.learner.rank import LearnerRank
from rlhf.learner.reference import Reference
from rlhf.models.resolve import ModelError
from rlhf.types import Batch

LORA = {"rank": 4, "alpha": 8}


def flat(arrays) -> np.ndarray:
    return np.concatenate(arrays)


def learn(rank: LearnerRank, steps: int = 1) -> None:
    for seed in range(steps):
        rank.update(Batch.of(make_sequences(seed=seed)), policy_gradient)


@pytest.mark.parametrize("stage", [1, 3])
def test_it_stays_while_the_policy_learns_and_follows_when_told(models, stage):
    sequences = make_sequences(seed=9)
    with closing(LearnerRank(make_spec(models["qwen3_moe"], zero_stage=stage, reference=True))) as rank:
        start = flat(rank.logp(sequences))
        rank.take_reference()
        learn(rank)
        assert np.abs(flat(rank.logp(sequences)) - start).max() > 1e-3
        assert np.array_equal(flat(rank.reference_logp(sequences)), start)
        rank.take_reference()
        assert np.array_equal(flat(rank.reference_logp(sequences)), flat(rank.logp(sequences)))


def test_a_moving_average_is_kept_in_float32(models):
    """In bfloat16 a hundredth of a small change would be rounded away, and the reference would never move."""
    with closing(LearnerRank(make_spec(models["qwen3"], dtype="bfloat16", reference=True, learning_rate=1e-3))) as rank:
        rank.take_reference()
        first = [p.float().clone() for p in rank._reference._parameters()]
        learn(rank)
        now = [p.detach().float() for p in rank.model.parameters()]
        for _ in range(200):
            rank.take_reference(0.99)
        kept = 0.99**200
        for start, end, average in zip(first, now, rank._reference._average, strict=True):
            assert torch.allclose(average, kept * start + (1 - kept) * end, atol=1e-5)


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_it_is_saved_and_loaded_with_the_learner(models, tmp_path, keep):
    sequences = make_sequences(seed=9)
    spec = make_spec(models["qwen3"], dtype="bfloat16", reference=True)
    with closing(LearnerRank(spec)) as rank:
        rank.take_reference()
        learn(rank, 2)
        rank.take_reference(keep)
        rank.save(tmp_path)
        expected = flat(rank.reference_logp(sequences))
    with closing(LearnerRank(spec)) as rank:
        rank.load(tmp_path)
        assert np.array_equal(flat(rank.reference_logp(sequences)), expected)


def test_alone_it_says_the_same(models):
    sequences = make_sequences()
    with closing(LearnerRank(make_spec(models["qwen3_moe"]))) as rank:
        expected = rank.logp(sequences, 0.7)
    found = Reference(make_spec(models["qwen3_moe"])).scores(sequences, 0.7)
    for a, b in zip(found, expected, strict=True):
        assert np.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("stage", [0, 1, 3])
@pytest.mark.parametrize("kind", ["qwen3", "qwen3_moe"])
def test_with_adapters_the_base_weights_are_the_reference(models, kind, stage):
    sequences = make_sequences(seed=9)
    with closing(LearnerRank(make_spec(models[kind]))) as rank:
        start, plain = flat(rank.logp(sequences)), {name: t.clone() for name, t in rank.named_weights()}
    with closing(LearnerRank(make_spec(models[kind], zero_stage=stage, reference=True, lora=LORA))) as rank:
        assert np.allclose(flat(rank.logp(sequences)), start, atol=1e-6), "B is zero: the policy is the base"
        assert dict(rank.named_weights()).keys() == plain.keys()
        learn(rank, 3)
        assert np.abs(flat(rank.logp(sequences)) - start).max() > 1e-3
        assert np.allclose(flat(rank.reference_logp(sequences)), start, atol=1e-6)
        moved = {name for name, tensor in rank.named_weights() if not torch.equal(tensor, plain[name])}
    assert moved
    assert all("_proj" in name and "experts" not in name for name in moved), moved


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_export_has_the_adapters_merged(models, tmp_path, dtype):
    from transformers import AutoModelForCausalLM

    sequences = make_sequences(seed=9)
    with closing(LearnerRank(make_spec(models["tied"], dtype=dtype, lora=LORA))) as rank:
        learn(rank, 2)
        rank.export_hf(tmp_path / "hf")
        expected = flat(rank.logp(sequences))
        published = {name: tensor.clone() for name, tensor in rank.named_weights()}
    exported = AutoModelForCausalLM.from_pretrained(tmp_path / "hf", dtype=getattr(torch, dtype)).state_dict()
    assert not any("lora" in name or "base_layer" in name for name in exported)
    assert all(torch.equal(exported[name], tensor) for name, tensor in published.items())
    with closing(LearnerRank(make_spec(str(tmp_path / "hf"), dtype=dtype))) as rank:
        assert np.allclose(flat(rank.logp(sequences)), expected, atol=1e-4 if dtype == "float32" else 0.2)


def test_adapters_are_resumed_bit_for_bit(models, tmp_path):
    spec = make_spec(models["qwen3"], dtype="bfloat16", lora=LORA)
    with closing(LearnerRank(spec)) as rank:
        learn(rank)
        rank.save(tmp_path)
        learn(rank, 2)
        straight = {name: tensor.clone() for name, tensor in rank.named_weights()}
    with closing(LearnerRank(spec)) as rank:
        rank.load(tmp_path)
        learn(rank, 2)
        assert all(torch.equal(straight[name], tensor) for name, tensor in rank.named_weights())


def test_a_target_that_is_no_layer_is_refused(models):
    with pytest.raises(ModelError, match=r"no linear layer is called q_prj; there are .*q_proj"):
        LearnerRank(make_spec(models["qwen3"], lora={"rank": 2, "targets": ["q_prj"]}))
