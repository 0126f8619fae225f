"""One rank: DeepSpeed's engine, the layouts, the router's loss, state and weights."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from learner_helpers import make_sequences, make_spec, policy_gradient
from transformers import AutoModelForCausalLM

from rlhf.algorithms.loss_types import LossOutput
from rlhf.learner.rank import LearnerRank
from rlhf.learner.spec import NonFiniteError
from rlhf.types import Batch


@contextmanager
def learner(folder: str, **keys) -> Iterator[LearnerRank]:
    rank = LearnerRank(make_spec(folder, **keys))
    try:
        yield rank
    finally:
        rank.close()
        assert not dist.is_initialized()


def weights(rank: LearnerRank) -> dict[str, torch.Tensor]:
    return dict(rank.named_weights())


def two_updates(folder: str, **keys):
    with learner(folder, **keys) as rank:
        results = [
            rank.update(Batch.of(make_sequences(seed=i), 0.8), policy_gradient, entropy_gradient=True) for i in (0, 1)
        ]
        return results, weights(rank)


def assert_same_training(found, expected, grad=1e-5, weight=2e-6) -> None:
    for a, b in zip(found[0], expected[0], strict=True):
        assert a.loss == pytest.approx(b.loss, abs=1e-6)
        assert a.grad_norm == pytest.approx(b.grad_norm, rel=grad)
        for name in (
            "entropy",
            "mismatch/mean_abs",
            "mismatch/max_abs",
            "mismatch/kl",
            "loss/policy",
            "loss/high",
            "tokens",
        ):
            assert a.metrics[name] == pytest.approx(b.metrics[name], rel=1e-5, abs=1e-6), name
    assert found[1].keys() == expected[1].keys()
    for name, tensor in expected[1].items():
        assert float((found[1][name] - tensor).abs().max()) <= weight, name


@pytest.fixture(scope="module")
def plain(models):
    """The reference: padded, ZeRO-0, the whole batch in one micro-batch."""
    return {
        kind: two_updates(models[kind], zero_stage=0, token_budget=10**6, packing="padded", router_aux_coef=0.05)
        for kind in ("qwen3", "qwen3_moe")
    }


@pytest.mark.parametrize("kind", ["qwen3", "qwen3_moe"])
@pytest.mark.parametrize(
    "keys",
    [
        {"packing": "padded", "token_budget": 70},
        {"share_prompts": False, "token_budget": 10**6},
        {"share_prompts": False, "token_budget": 1},
        {"token_budget": 10**6},
        {"token_budget": 64, "gradient_checkpointing": True},
        {"token_budget": 64, "logit_chunk": 5, "zero_stage": 2},
        {"token_budget": 64, "zero_stage": 3},
    ],
    ids=str,
)
def test_layout_split_and_zero_stage_change_nothing(models, plain, kind, keys) -> None:
    assert_same_training(two_updates(models[kind], router_aux_coef=0.05, **keys), plain[kind])


def test_zero_stages_in_bfloat16_agree(models) -> None:
    """The updates are of the same size too: without ZeRO, DeepSpeed starts Adam's counter at 1 (see engine.py)."""
    name = "model.layers.0.mlp.up_proj.weight"
    start = dict(AutoModelForCausalLM.from_pretrained(models["qwen3"], dtype=torch.bfloat16).state_dict())[name].float()
    norms, moved = {}, {}
    for stage in range(4):
        results, found = two_updates(models["qwen3"], dtype="bfloat16", zero_stage=stage, adam_eps=1e-8)
        assert found[name].dtype is torch.bfloat16
        norms[stage], moved[stage] = results[1].grad_norm, found[name].float() - start
    for stage in (0, 2, 3):
        assert norms[stage] == pytest.approx(norms[1], rel=0.02)
        assert float(moved[stage].norm()) == pytest.approx(float(moved[1].norm()), rel=0.02)
        assert float((moved[stage] - moved[1]).norm()) <= 0.15 * float(moved[1].norm())


def test_metrics_by_hand(models) -> None:
    sequences = make_sequences()
    with learner(models["qwen3_moe"], router_aux_coef=0.0, warmup_steps=4, learning_rate=1e-3) as rank:
        logp = rank.logp(sequences)
        first = rank.update(Batch.of(sequences), policy_gradient)
        second = rank.update(Batch.of(sequences), policy_gradient)
    assert (first.step, second.step) == (1, 2)
    assert (first.lr, second.lr) == pytest.approx((0.25e-3, 0.5e-3))
    mask = np.concatenate([s.mask_R for s in sequences]) > 0
    d = (np.concatenate(logp) - np.concatenate([s.behaviour_logp_R for s in sequences]))[mask].astype(np.float64)
    m = first.metrics
    assert m["tokens"] == mask.sum()
    assert m["sequences"] == len(sequences)
    assert m["mismatch/mean_abs"] == pytest.approx(np.abs(d).mean(), rel=1e-5)
    assert m["mismatch/max_abs"] == pytest.approx(np.abs(d).max(), rel=1e-5)
    assert m["mismatch/beyond_2x"] == pytest.approx((np.abs(d) > math.log(2)).mean(), rel=1e-6)
    assert m["mismatch/kl"] == pytest.approx((np.exp(d) - 1 - d).mean(), rel=1e-5)
    assert m["loss/high"] == pytest.approx((d > math.log(1.2)).mean(), rel=1e-6)
    assert m["learner/packing_efficiency"] == 1.0
    run = m["learner/tokens_run"]
    assert m["learner/prompt_sharing"] == pytest.approx(sum(s.total_tokens - 1 for s in sequences) / run)
    assert {f"learner/seconds/{p}" for p in ("forward", "backward", "optimizer")} <= m.keys()
    for layer in (0, 1):
        load = [m[f"moe/load/L{layer}/E{e}"] for e in range(4)]
        assert sum(load) == pytest.approx(1.0)
        assert max(load) <= 0.5 + 1e-6  # two experts a token: none gets more than half of the assignments


def test_recomputed_old_logprobs_give_ratio_one(models) -> None:
    ratios = []

    def loss(inputs):
        ratios.append((inputs.logp_BT - inputs.old_logp_BT).abs().max())
        return policy_gradient(inputs)

    with learner(models["qwen3"]) as rank:
        rank.update(Batch.of(make_sequences()), loss, old_logprobs="recomputed")
        assert max(ratios) == 0.0
        rank.update(Batch.of(make_sequences()), loss)
        assert max(ratios) > 1.0


def test_logp_is_that_of_transformers(models) -> None:
    sequences = make_sequences()
    for keys in ({}, {"packing": "padded"}, {"zero_stage": 3}):
        with learner(models["qwen3_moe"], **keys) as rank:
            found = rank.logp(sequences, temperature=0.7)
        model = AutoModelForCausalLM.from_pretrained(models["qwen3_moe"], dtype=torch.float32)
        for s, logp in zip(sequences, found, strict=True):
            ids = torch.from_numpy(np.concatenate([s.prompt_ids_P, s.response_ids_R]))
            with torch.no_grad():
                all_logp = (model(ids[None]).logits[0] / 0.7).log_softmax(-1)
            p = len(s.prompt_ids_P)
            expected = all_logp[p - 1 : -1].gather(1, ids[p:, None]).squeeze(1)
            assert logp == pytest.approx(expected.numpy(), abs=1e-5)


def test_supervised_steps_learn(models) -> None:
    sequences = make_sequences(2, 2)
    with learner(models["qwen3_moe"], adam_eps=1e-8) as rank:
        results = [rank.sft_step(sequences) for _ in range(8)]
        expected = -np.concatenate(
            [lp[s.mask_R > 0] for lp, s in zip(rank.logp(sequences), sequences, strict=True)]
        ).mean()
        after = rank.sft_step(sequences)
    assert after.loss == pytest.approx(expected, rel=1e-5)
    assert after.metrics["loss/nll"] == pytest.approx(after.loss)
    assert after.loss < 0.6 * results[0].loss
    assert not any(name.startswith("mismatch") for name in after.metrics)


def test_a_new_stage_is_a_new_optimizer(models, tmp_path) -> None:
    batch = Batch.of(make_sequences())
    with learner(models["qwen3"], zero_stage=1) as rank:
        rank.sft_step(make_sequences(seed=5))
        rank.export_hf(tmp_path)
        rank.start_stage(1e-3, warmup_steps=2, weight_decay=0.1)
        result = rank.update(batch, policy_gradient)
        found = weights(rank)
    assert (result.step, result.lr) == (1, 0.5e-3)
    with learner(str(tmp_path), zero_stage=1, learning_rate=1e-3, warmup_steps=2, weight_decay=0.1) as rank:
        rank.update(batch, policy_gradient)
        for name, tensor in weights(rank).items():
            assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize(
    ("stage", "dtype"), [(0, "float32"), (1, "bfloat16"), (2, "bfloat16"), (3, "float32"), (0, "bfloat16")]
)
def test_resumed_training_is_the_same_bit_for_bit(models, tmp_path, stage, dtype) -> None:
    batches = [Batch.of(make_sequences(seed=i)) for i in range(3)]
    with learner(models["qwen3_moe"], zero_stage=stage, dtype=dtype, warmup_steps=5, router_aux_coef=0.01) as rank:
        rank.update(batches[0], policy_gradient)
        rank.save(tmp_path)
        at_save, drawn = weights(rank), (torch.rand(3), np.random.rand(3), random.random())
        straight = [rank.update(b, policy_gradient) for b in batches[1:]]
        final = weights(rank)
    with learner(
        models["qwen3_moe"], zero_stage=stage, dtype=dtype, warmup_steps=5, router_aux_coef=0.01, seed=99
    ) as rank:
        rank.load(tmp_path)
        assert all(torch.equal(at_save[n], t) for n, t in weights(rank).items())
        assert torch.equal(drawn[0], torch.rand(3))
        assert np.array_equal(drawn[1], np.random.rand(3))
        assert drawn[2] == random.random()
        resumed = [rank.update(b, policy_gradient) for b in batches[1:]]
        for a, b in zip(straight, resumed, strict=True):
            assert (a.step, a.loss, a.grad_norm, a.lr) == (b.step, b.loss, b.grad_norm, b.lr)
        assert all(torch.equal(final[n], t) for n, t in weights(rank).items())


def test_load_refuses(models, tmp_path) -> None:
    with learner(models["qwen3"]) as rank:
        with pytest.raises(FileNotFoundError, match="no learner state here"):
            rank.load(tmp_path)
        rank.save(tmp_path)
        (tmp_path / "rank_1.json").write_text("{}")
        with pytest.raises(ValueError, match=r"written by 2 learner ranks.*write learner\.ranks: 2"):
            rank.load(tmp_path)


@pytest.mark.parametrize("stage", [0, 3])
@pytest.mark.parametrize("kind", ["qwen3", "qwen3_moe", "tied"])
def test_names_are_those_of_save_pretrained(models, tmp_path, kind, stage) -> None:
    from safetensors.torch import load_file

    with learner(models[kind], zero_stage=stage) as rank:
        found = dict(rank.named_weights())
        half = dict(rank.named_weights(torch.bfloat16))
    expected = load_file(Path(models[kind]) / "model.safetensors")
    assert found.keys() == expected.keys()
    assert ("lm_head.weight" in found) == (kind != "tied")
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
        assert torch.equal(half[name], tensor.bfloat16()), name


@pytest.mark.parametrize(("kind", "stage"), [("qwen3_moe", 3), ("tied", 1)])
def test_export_loads_and_gives_the_same_logps(models, tmp_path, kind, stage) -> None:
    sequences = make_sequences()
    with learner(models[kind], zero_stage=stage) as rank:
        rank.update(Batch.of(sequences), policy_gradient)
        rank.export_hf(tmp_path)
        expected = rank.logp(sequences)
    assert "longthought" not in (tmp_path / "config.json").read_text()
    model, report = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    s = sequences[0]
    ids = torch.from_numpy(np.concatenate([s.prompt_ids_P, s.response_ids_R]))
    with torch.no_grad():
        logp = model(ids[None]).logits[0].log_softmax(-1)[len(s.prompt_ids_P) - 1 : -1]
    found = logp.gather(1, ids[len(s.prompt_ids_P) :, None]).squeeze(1)
    assert found.numpy() == pytest.approx(expected[0], abs=1e-5)


def poisoned(value):
    """A loss that is `value` in the second micro-batch only; with a gradient that may well be finite."""
    calls = []

    def loss(inputs):
        calls.append(1)
        good = policy_gradient(inputs)
        return LossOutput(good.loss + value, good.sums) if len(calls) == 2 else good

    return loss


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    ("stage", "dtype"), [(0, "float32"), (1, "float32"), (2, "bfloat16"), (1, "bfloat16"), (3, "float32")]
)
def test_a_loss_that_is_not_finite_changes_nothing(models, stage, dtype, value) -> None:
    batch = Batch.of(make_sequences())
    with learner(models["qwen3"], zero_stage=stage, dtype=dtype) as rank:
        rank.update(batch, policy_gradient)
        before = weights(rank)
        with pytest.raises(NonFiniteError):
            rank.update(batch, poisoned(value))
        assert all(torch.equal(before[n], t) for n, t in weights(rank).items())
        after = rank.update(batch, policy_gradient)
        final = weights(rank)
    with learner(models["qwen3"], zero_stage=stage, dtype=dtype) as rank:
        rank.update(batch, policy_gradient)
        expected = rank.update(batch, policy_gradient)
        assert (after.step, after.loss, after.grad_norm) == (expected.step, expected.loss, expected.grad_norm)
        assert all(torch.equal(final[n], t) for n, t in weights(rank).items())


def test_nothing_is_compiled(models, monkeypatch) -> None:
    """A fresh machine may have no compiler, and a killed build leaves a lock that the next one waits for."""

    def compile_something(*_, **__):
        raise AssertionError("an extension is being built")

    monkeypatch.setattr("torch.utils.cpp_extension.load", compile_something)
    for stage in (0, 3):
        with learner(models["qwen3"], zero_stage=stage, dtype="bfloat16") as rank:
            assert rank.update(Batch.of(make_sequences()), policy_gradient).grad_norm > 0


def test_a_batch_without_a_token_to_learn_from_is_refused(models) -> None:
    masked = [replace(s, mask_R=s.mask_R * 0) for s in make_sequences(1, 2)]
    with learner(models["qwen3"]) as rank, pytest.raises(ValueError, match="none of the 2 sequences"):
        rank.update(Batch.of(masked), policy_gradient)


def test_logits_that_are_scaled_are_learned_with(models) -> None:
    """Granite divides its logits by 4: so are those that log-probabilities are made of."""
    sequences = make_sequences(2, 2)
    with learner(models["granite"]) as rank:
        found = rank.logp(sequences, temperature=0.7)
    model = AutoModelForCausalLM.from_pretrained(models["granite"], dtype=torch.float32).eval()
    for s, logp_R in zip(sequences, found, strict=True):
        ids = torch.from_numpy(np.concatenate([s.prompt_ids_P, s.response_ids_R]))[None]
        with torch.no_grad():
            logits = model(input_ids=ids, use_cache=False).logits[0, len(s.prompt_ids_P) - 1 : -1] / 0.7
        expected = logits.log_softmax(-1).gather(1, torch.from_numpy(s.response_ids_R)[:, None])[:, 0]
        np.testing.assert_allclose(logp_R, expected.numpy(), atol=1e-5)


def test_architectures_off_the_list(models) -> None:
    with learner(models["gemma"]) as rank:
        assert rank.layout == "padded"
        assert "gemma is not on the tested list" in rank.notices[0]
        assert rank.update(Batch.of(make_sequences()), policy_gradient).grad_norm > 0
    with pytest.raises(ValueError, match="not on the tested list"):
        LearnerRank(make_spec(models["gemma"], packing="packed"))
    with pytest.raises(ValueError, match="gemma2: the model's logits are not its output layer applied"):
        LearnerRank(make_spec(models["gemma2"]))
    with pytest.raises(FileNotFoundError, match=r"no config\.json"):
        LearnerRank(make_spec("/nowhere"))
    assert not dist.is_initialized()
