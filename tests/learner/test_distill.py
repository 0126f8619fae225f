"""A student that learns from a teacher: what is matched, its gradient, and that no split of the work changes it."""

from __future__ import annotations

import itertools
import json
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from learner_helpers import VOCAB, Place, make_sequences, make_spec, run_ranks
from torch.nn.functional import kl_div, linear, log_softmax

from rlhf.attention.catalog import CATALOG
from rlhf.learner.distill import AttentionRank, LogitRank
from rlhf.learner.distill_spec import DistillStage
from rlhf.learner.logprobs import ResponseHead
from rlhf.learner.match_logits import DivergenceHead, Taught
from rlhf.learner.teacher import Teacher
from rlhf.models.hybrid.build import write_hybrid
from rlhf.recipe.distill_schema import AttentionStageConfig, LogitStageConfig

EXACT = {"kernel": "strided", "settings": {"local": 4096, "stride": 4096}}
"""Sees everything while a text is shorter: softmax attention by another program."""


def student_of(base: str, folder: Path, layer: dict | str) -> str:
    """The second of its two layers is replaced."""
    entry = layer if isinstance(layer, dict) else {"kernel": layer, "settings": {}}
    settings = CATALOG[entry["kernel"]].settings(**entry["settings"]).model_dump(mode="json")
    layers = [{"kernel": "softmax", "settings": {}}, {"kernel": entry["kernel"], "settings": settings}]
    return str(write_hybrid(Path(base), folder, layers, seed=0).folder)


def attention_stage(**keys) -> DistillStage:
    return DistillStage("attention", AttentionStageConfig(**{"steps": 60, "warmup_steps": 0} | keys), True)


def logit_stage(mixers_only: bool = False, **keys) -> DistillStage:
    return DistillStage("logits", LogitStageConfig(**{"steps": 60, "warmup_steps": 0} | keys), mixers_only)


def text(groups: int = 6, seed: int = 0):
    return make_sequences(groups, 2, seed=seed, responses=(10, 40))


@pytest.fixture(scope="module")
def students(models, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("students")
    kinds = ("llama", "tied", "qwen3_moe")
    made = {kind: student_of(models[kind], folder / kind, "linear") for kind in kinds}
    return made | {"exact": student_of(models["llama"], folder / "exact", EXACT)}


def rank_of(cls, stage, student: str, teacher: str, **keys):
    spec = make_spec(student, **{"adam_eps": 1e-8} | keys)
    return cls(spec, stage, Teacher(spec, teacher))


def nats(scores, sequences) -> float:
    return -float(np.concatenate(scores).sum()) / sum(len(s.response_ids_R) for s in sequences)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [False, True])
def test_the_gradient_is_that_of_whole_logits(dtype, bias) -> None:
    torch.manual_seed(0)
    n, d, teacher_d = 37, 16, 24
    hidden, given = torch.randn(n, d, dtype=dtype, requires_grad=True), torch.randn(n, teacher_d, dtype=dtype)
    head = torch.nn.Linear(d, VOCAB, bias=bias, dtype=dtype)
    teacher = torch.nn.Linear(teacher_d, VOCAB, dtype=dtype)
    weight, target = torch.rand(n, dtype=dtype), torch.randint(VOCAB, (n,))
    chunked = DivergenceHead.instead_of(ResponseHead.adopt(head, scale=0.5))
    taught = Taught(given, ResponseHead.adopt(teacher, scale=2.0), weight)
    loss, kl, logp, teacher_logp = chunked(hidden, target, chunk=10, taught=taught)
    (3 * loss).backward()
    found = [hidden.grad.clone(), *(p.grad.clone() for p in head.parameters())]
    hidden.grad = None
    head.zero_grad()
    s = log_softmax(0.5 * linear(hidden, head.weight, head.bias), 1)
    p = log_softmax(2 * teacher(given), 1).detach()
    expected_kl = kl_div(s, p, log_target=True, reduction="none").sum(1)
    (3 * (expected_kl * weight).sum()).backward()
    near = {"rtol": 1e-9, "atol": 1e-11} if dtype is torch.float64 else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(kl, expected_kl.detach(), **near)
    torch.testing.assert_close(loss, (expected_kl * weight).sum().detach(), **near, check_dtype=False)
    torch.testing.assert_close(logp, s.gather(1, target[:, None])[:, 0].detach(), **near)
    torch.testing.assert_close(teacher_logp, p.gather(1, target[:, None])[:, 0], **near)
    for a, b in zip(found, [hidden.grad, *(p.grad for p in head.parameters())], strict=True):
        torch.testing.assert_close(a, b, **near)


def test_logits_exist_a_chunk_at_a_time() -> None:
    """Of 4,000 tokens, in chunks of 100: nothing of 4,000 x vocabulary is ever made."""
    seen: list[int] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            seen.extend(t.numel() for t in (out if isinstance(out, tuple) else (out,)) if isinstance(t, torch.Tensor))
            return out

    hidden = torch.randn(4000, 8, requires_grad=True)
    head, teacher = torch.nn.Linear(8, 500, bias=False), torch.nn.Linear(8, 500, bias=False)
    taught = Taught(torch.randn(4000, 8), ResponseHead.adopt(teacher), torch.ones(4000))
    with Watch():
        loss, *_ = DivergenceHead.instead_of(ResponseHead.adopt(head))(
            hidden, torch.zeros(4000, dtype=torch.int64), chunk=100, taught=taught
        )
        loss.backward()
    assert max(seen) <= 100 * 500


def test_stage_one_falls_to_a_fraction_and_moves_nothing_but_mixers(models, students) -> None:
    batch = text()
    with closing(
        rank_of(AttentionRank, attention_stage(learning_rate=0.03), students["llama"], models["llama"])
    ) as rank:
        before = {name: t.clone() for name, t in rank.model.named_parameters()}
        rank.measure(batch)
        losses = [rank.step(batch).loss for _ in range(60)]
        moved = {name for name, t in rank.model.named_parameters() if not torch.equal(t, before[name])}
    assert losses[-1] < 0.3 * losses[0]
    assert moved == {f"model.layers.1.self_attn.{p}_proj.weight" for p in "qkvo"}


def test_zeros_have_an_error_of_one(models, students) -> None:
    batch = text()
    with closing(rank_of(AttentionRank, attention_stage(), students["llama"], models["llama"])) as rank:
        with torch.no_grad():
            rank.model.model.layers[1].self_attn.o_proj.weight.zero_()
        rank.measure(batch)
        result = rank.step(batch)
    assert result.loss == pytest.approx(1.0, abs=1e-5)
    assert result.metrics["attention/error_layer_1"] == pytest.approx(1.0, abs=1e-5)


def test_what_equals_softmax_has_nothing_to_learn(models, students) -> None:
    batch, held = text(), text(seed=5)
    with closing(rank_of(AttentionRank, attention_stage(), students["exact"], models["llama"])) as rank:
        rank.measure(batch)
        assert rank.step(batch).loss < 1e-8
    with closing(rank_of(LogitRank, logit_stage(), students["exact"], models["llama"])) as rank:
        assert nats(rank.logp(held), held) == pytest.approx(nats(rank.teacher_logp(held), held), abs=1e-5)
        result = rank.step(batch)
    assert abs(result.metrics["kl"]) < 1e-6
    assert result.metrics["nats"] == pytest.approx(result.metrics["nats_teacher"], abs=1e-5)


@pytest.mark.parametrize("mixers_only", [False, True])
def test_stage_two_brings_the_student_to_the_teacher(models, students, mixers_only) -> None:
    batch = text()
    stage = logit_stage(mixers_only, learning_rate=0.01)
    with closing(rank_of(LogitRank, stage, students["tied"], models["tied"])) as rank:
        before = {name: t.clone() for name, t in rank.model.named_parameters()}
        results = [rank.step(batch) for _ in range(40)]
        moved = {name for name, t in rank.model.named_parameters() if not torch.equal(t, before[name])}
    assert results[-1].metrics["kl"] < 0.3 * results[0].metrics["kl"]
    assert results[0].loss == pytest.approx(results[0].metrics["kl"], abs=1e-6)
    assert all(".layers.1.self_attn." in name for name in moved) == mixers_only
    assert results[-1].lr == pytest.approx(0.01 * (1 - 0.9 * 39 / 59))


def test_the_teacher_is_what_it_was(models, students) -> None:
    batch, held = text(), text(seed=5)
    with closing(rank_of(LogitRank, logit_stage(), students["llama"], models["llama"])) as rank:
        before = rank.teacher_logp(held)
        rank.step(batch)
        assert all(np.array_equal(a, b) for a, b in zip(rank.teacher_logp(held), before, strict=True))


RANKS = {"attention": (AttentionRank, attention_stage()), "logits": (LogitRank, logit_stage())}
SPLITS = {
    "one micro-batch": {"token_budget": 10**6, "share_prompts": True},
    "nothing shared": {"share_prompts": False},
    "checkpointed": {"gradient_checkpointing": True},
    "ZeRO-3": {"zero_stage": 3},
}


def learned(stage: str, student: str, teacher: str, **keys) -> tuple[list[float], list[float], dict, list[np.ndarray]]:
    cls, told = RANKS[stage]
    with closing(rank_of(cls, told, student, teacher, **{"adam_eps": 1e-2} | keys)) as rank:
        if stage == "attention":
            rank.measure(text())
        results = [rank.step(text(seed=i)) for i in range(3)]
        exported = {}
        with rank._engine.gathered(list(rank.model.parameters())):
            exported = {name: p.detach().clone() for name, p in rank.model.named_parameters()}
        return [r.loss for r in results], [r.grad_norm for r in results], exported, rank.logp(text(seed=9))


def same(found, expected) -> None:
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[1] == pytest.approx(expected[1], rel=1e-4)
    for name, tensor in expected[2].items():
        assert torch.allclose(found[2][name], tensor, atol=3e-6), name
    assert np.allclose(np.concatenate(found[3]), np.concatenate(expected[3]), atol=1e-4)


@pytest.mark.parametrize("stage", RANKS)
@pytest.mark.parametrize("split", SPLITS)
def test_no_split_changes_a_gradient(models, students, stage, split) -> None:
    expected = learned(stage, students["tied"], models["tied"])
    same(learned(stage, students["tied"], models["tied"], **SPLITS[split]), expected)


def pair_work(models, students, folder: Path, place: Place) -> dict:
    found: dict = {}
    for stage in RANKS:
        for zero in (1, 3):
            found[stage, zero] = learned(stage, students["tied"], models["tied"], zero_stage=zero, **place())
    found["moe"] = learned("logits", students["qwen3_moe"], models["qwen3_moe"], **place())
    return found


def test_two_ranks_learn_as_one(models, students, tmp_path) -> None:
    pair = run_ranks(2, partial(pair_work, models, students, tmp_path), tmp_path)
    for stage in RANKS:
        expected = learned(stage, students["tied"], models["tied"])
        for zero in (1, 3):
            same(pair[0][stage, zero], expected)
            assert pair[0][stage, zero][0] == pair[1][stage, zero][0]
    same(pair[0]["moe"], learned("logits", students["qwen3_moe"], models["qwen3_moe"]))


@pytest.mark.parametrize("stage", RANKS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_is_resumed_bit_for_bit(models, students, tmp_path, stage, dtype) -> None:
    cls, told = RANKS[stage]
    make = partial(rank_of, cls, told, students["tied"], models["tied"], dtype=dtype)
    with closing(make()) as rank:
        if stage == "attention":
            rank.measure(text())
        rank.step(text(seed=0))
        rank.save(tmp_path)
        expected = [rank.step(text(seed=i)) for i in (1, 2)]
        straight = {name: t.clone() for name, t in rank.model.named_parameters()}
    with closing(make()) as rank:
        rank.load(tmp_path)
        again = [rank.step(text(seed=i)) for i in (1, 2)]
        assert [r.loss for r in again] == [r.loss for r in expected]
        assert [r.step for r in again] == [2, 3]
        assert all(torch.equal(straight[name], t) for name, t in rank.model.named_parameters())


def test_what_is_exported_is_a_policy_that_others_load(models, students, tmp_path) -> None:
    held = text(seed=5)
    with closing(rank_of(AttentionRank, attention_stage(), students["llama"], models["llama"])) as rank:
        rank.measure(text())
        rank.step(text())
        rank.export_hf(tmp_path / "hf")
        expected = rank.logp(held)
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["attention"]["layers"][1]["kernel"] == "linear"
    with closing(rank_of(LogitRank, logit_stage(), str(tmp_path / "hf"), models["llama"])) as rank:
        for a, b in zip(rank.logp(held), expected, strict=True):
            assert np.allclose(a, b, atol=1e-5)


def test_before_it_was_measured_there_is_no_error(models, students) -> None:
    rank = rank_of(AttentionRank, attention_stage(), students["llama"], models["llama"])
    with closing(rank), pytest.raises(RuntimeError, match="not measured"):
        rank.step(text())


def test_a_teacher_of_another_architecture_is_refused(models, students) -> None:
    with pytest.raises(ValueError, match=r"is run on packed sequences; sequences are padded.*gemma"):
        rank_of(LogitRank, logit_stage(), students["llama"], models["gemma"])


def test_the_learning_rate_rises_and_falls() -> None:
    stage = logit_stage(steps=12, warmup_steps=4, learning_rate=1.0, final_rate=0.1)
    rates = [stage.learning_rate_at(i) for i in range(12)]
    assert rates[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rates[-1] == pytest.approx(0.1)
    assert all(a > b for a, b in itertools.pairwise(rates[4:]))
    assert stage.learning_rate_at(50) == pytest.approx(0.1)
