"""No leakage: packed, and packed with shared prompts, against each sequence alone, for every architecture on the list."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from learner_helpers import KINDS, make_sequences
from transformers import AutoModelForCausalLM

from rlhf.learner.attention import BASES, NAME, PACKABLE, Span, plan_attention, register
from rlhf.learner.layout import build
from rlhf.learner.packing import plan_step
from rlhf.models.load import choose_layout
from rlhf.types import TrainSequence

register()


def packed_states(model, sequences, share):
    """Hidden state that predicts each response token, [tokens of the batch, D], in the batch's order."""
    (micro_plan,) = plan_step(sequences, 1, 10**6, hidden=32, share_prompts=share).ranks[0]
    micro = build(micro_plan, sequences, padded=False, device="cpu", share=share)
    hidden = model.base_model(**micro.inputs, use_cache=False).last_hidden_state[0].index_select(0, micro.predictor_N)
    parts = dict(
        zip(micro.members, hidden.split([len(sequences[m].response_ids_R) for m in micro.members]), strict=True)
    )
    return torch.cat([parts[i] for i in range(len(sequences))]), micro


def separate_states(model, sequences):
    states = []
    for s in sequences:
        ids = torch.from_numpy(np.concatenate([s.prompt_ids_P, s.response_ids_R[:-1]]))[None]
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0]
        states.append(hidden[len(s.prompt_ids_P) - 1 :])
    return torch.cat(states)


def gradients(model, logits, weight):
    model.zero_grad()
    (logits * weight).sum().backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("share", [False, True], ids=["packed", "shared"])
@pytest.mark.parametrize("kind", KINDS)
def test_packed_equals_separate(models, kind, share) -> None:
    # Long prompts with short responses take the masked blocks, short prompts with long ones the causal blocks.
    sequences = make_sequences(2, 3, prompts=(60, 90), responses=(1, 20)) + [
        type(s)(s.group + 2, s.prompt_ids_P, s.response_ids_R, s.behaviour_logp_R, s.advantage_R, s.mask_R)
        for s in make_sequences(3, 3, seed=1, prompts=(1, 9), responses=(30, 70))
    ]
    reference = AutoModelForCausalLM.from_pretrained(models[kind], dtype=torch.float32, attn_implementation="sdpa")
    packed = AutoModelForCausalLM.from_pretrained(models[kind], dtype=torch.float32, attn_implementation=NAME)
    states, micro = packed_states(packed, sequences, share)
    blocks = micro.inputs["packed_plan"].blocks
    assert {b.mask_B1QK is None for b in blocks} == ({True, False} if share else {True})
    logits = packed.lm_head(states)
    expected = reference.lm_head(separate_states(reference, sequences))
    assert float((logits - expected).abs().max()) <= 1e-5
    weight = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    found, wanted = gradients(packed, logits, weight), gradients(reference, expected, weight)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        assert float((found[name] - gradient).norm()) <= 1e-5 * float(gradient.norm()), name


def with_beginning(sequences, length):
    """The same with `length` tokens before every prompt: a system prompt."""
    beginning = np.random.default_rng(7).integers(0, 97, length)
    return [replace(s, prompt_ids_P=np.concatenate([beginning, s.prompt_ids_P])) for s in sequences]


@pytest.mark.parametrize("beginning", [15, 16, 70])
@pytest.mark.parametrize("kind", KINDS)
def test_what_all_prompts_begin_with_is_run_once(models, kind, beginning) -> None:
    own = make_sequences(3, 3, prompts=(2, 30), responses=(1, 40))
    sequences = with_beginning(own, beginning)
    reference = AutoModelForCausalLM.from_pretrained(models[kind], dtype=torch.float32, attn_implementation="sdpa")
    packed = AutoModelForCausalLM.from_pretrained(models[kind], dtype=torch.float32, attn_implementation=NAME)
    states, micro = packed_states(packed, sequences, True)
    once = sum({s.group: len(s.prompt_ids_P) for s in own}.values()) + sum(len(s.response_ids_R) - 1 for s in own)
    shared = beginning >= 16
    assert micro.tokens == micro.slots == once + (beginning if shared else 3 * beginning)
    assert float(micro.weight_S.sum()) == sum(len(s.prompt_ids_P) + len(s.response_ids_R) - 1 for s in sequences)
    logits, expected = packed.lm_head(states), reference.lm_head(separate_states(reference, sequences))
    assert float((logits - expected).abs().max()) <= 1e-5
    weight = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
    found, wanted = gradients(packed, logits, weight), gradients(reference, expected, weight)
    for name, gradient in wanted.items():
        assert float((found[name] - gradient).norm()) <= 1e-5 * float(gradient.norm()), name


def test_prompts_that_are_equal_or_end_in_the_beginning_keep_a_token_of_their_own(models) -> None:
    model = AutoModelForCausalLM.from_pretrained(models["qwen3"], dtype=torch.float32, attn_implementation=NAME)
    first, second, third = make_sequences(3, 1, prompts=(30, 31), responses=(5, 9))
    sequences = [
        first,
        replace(second, prompt_ids_P=first.prompt_ids_P),
        replace(third, prompt_ids_P=first.prompt_ids_P[:20]),
    ]
    with torch.no_grad():
        states, micro = packed_states(model, sequences, True)
        assert float((states - separate_states(model, sequences)).abs().max()) <= 1e-5
    assert micro.tokens == 19 + 11 + 11 + 1 + sum(len(s.response_ids_R) - 1 for s in sequences)


def test_shared_prompts_of_unequal_length_in_one_block(models) -> None:
    """The padding of a shorter prompt's keys, and of a shorter response's, is seen by nobody."""
    r = np.random.default_rng(0)
    sequences = []
    for group, prompt in enumerate([81, 85, 88]):
        ids = r.integers(0, 97, prompt)
        for n in (10, 12, 15):
            z = np.zeros(n, np.float32)
            sequences.append(TrainSequence(group, ids, r.integers(0, 97, n), z, z, z + 1))
    model = AutoModelForCausalLM.from_pretrained(models["qwen3"], dtype=torch.float32, attn_implementation=NAME)
    with torch.no_grad():
        states, micro = packed_states(model, sequences, True)
        expected = separate_states(model, sequences)
    (masked,) = [b for b in micro.inputs["packed_plan"].blocks if b.mask_B1QK is not None]
    assert masked.mask_B1QK.dtype is torch.bool, "an additive mask would have to be of the queries' dtype"
    assert (masked.batch, masked.queries, masked.keys) == (6, 14, 88 + 14)
    assert float((states - expected).abs().max()) <= 1e-5


def test_another_sequence_changes_nothing(models) -> None:
    """Bit for bit: an outsider's tokens do not even reach the rounding."""
    model = AutoModelForCausalLM.from_pretrained(models["qwen3"], dtype=torch.float32, attn_implementation=NAME)
    sequences = make_sequences(3, 2)
    with torch.no_grad():
        before, _ = packed_states(model, sequences, True)
        last = sequences[-1]
        changed = type(last)(last.group, last.prompt_ids_P, (last.response_ids_R + 1) % 97, *(last.mask_R,) * 3)
        after, _ = packed_states(model, [*sequences[:-1], changed], True)
    n = len(last.response_ids_R)
    assert torch.equal(before[:-n], after[:-n])
    if n > 1:
        assert not torch.equal(before[-n + 1 :], after[-n + 1 :])


def test_no_square_of_the_packed_length() -> None:
    plan = plan_attention([Span(0, 40)] + [Span(40 + 10 * i, 10, ((0, 40),)) for i in range(100)])
    total = 40 + 1000
    assert sum(b.batch * b.queries * b.keys for b in plan.blocks) < total**2 / 10


@pytest.mark.parametrize("spans", [[], [Span(0, 0)], [Span(0, 4), Span(2, 4)]])
def test_spans_must_cover(spans) -> None:
    with pytest.raises((ValueError, IndexError, RuntimeError)):
        plan_attention(spans)


def test_layouts() -> None:
    class Config:
        model_type = "gemma"
        use_sliding_window = False
        sliding_window = None

    assert set(KINDS) == set(BASES)
    assert choose_layout("padded", Config, PACKABLE) == ("padded", "")
    layout, notice = choose_layout("auto", Config, PACKABLE)
    assert layout == "padded"
    assert "gemma is not on the tested list (llama, qwen2, qwen3, qwen3_moe, longthought_llama, " in notice
    with pytest.raises(ValueError, match=r"gemma is not on the tested list .* write policy.packing: auto or padded"):
        choose_layout("packed", Config, PACKABLE)
    Config.model_type, Config.use_sliding_window, Config.sliding_window = "qwen2", True, 64
    with pytest.raises(ValueError, match="sliding window of 64"):
        choose_layout("packed", Config, PACKABLE)
    Config.use_sliding_window = False
    assert choose_layout("auto", Config, PACKABLE) == ("packed", "")
