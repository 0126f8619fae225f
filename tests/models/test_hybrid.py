"""Policies with kernels in their layers: built and converted, saved and loaded, and packed without leaking."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

from rlhf.attention.catalog import CATALOG
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.mixers.base import Mixer
from rlhf.attention.rope_scaling import RopeScaling
from rlhf.learner.attention import BASES, NAME, PACKABLE, Span, plan_attention
from rlhf.learner.attention import register as register_packed
from rlhf.learner.layout import build
from rlhf.learner.packing import plan_step
from rlhf.models.hybrid.build import hybrid_config, write_hybrid
from rlhf.models.hybrid.layers import can_go_on, make_mixers, mixers_of
from rlhf.models.hybrid.model import CONFIGS, register
from rlhf.models.load import load_policy
from rlhf.models.resolve import ModelError
from rlhf.types import TrainSequence
from tests.rollout.hybrids import write_base, write_policy

register()
register_packed()
KERNELS = tuple(name for name in CATALOG if name != "softmax")
SHARED = tuple(name for name in KERNELS if CATALOG[name].engine == "state" and name != "vq")


def load(folder: Path, dtype: torch.dtype = torch.float32):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=NAME).eval()


@pytest.fixture(scope="module")
def policies(tmp_path_factory) -> dict[str, Path]:
    """A policy a kernel: softmax above it, so that what leaks below shows."""
    return {name: write_policy((name, "softmax"), "dense", tmp_path_factory.mktemp(name)) for name in KERNELS}


@pytest.mark.parametrize("kernel", KERNELS)
def test_weights_are_kept_and_what_is_new_is_told(kernel, policies, tmp_path) -> None:
    base = policies[kernel].parent / "base"
    layers = [CATALOG[kernel].settings().model_dump(mode="json")]
    converted = write_hybrid(
        base, tmp_path / "p", [{"kernel": kernel, "settings": layers[0]}, {"kernel": "softmax", "settings": {}}], 0
    )
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "p" / "model.safetensors")
    assert set(after) == (set(before) - set(converted.dropped)) | set(converted.new)
    for name in set(before) - set(converted.dropped):
        assert torch.equal(before[name], after[name]), name
    assert all(".layers.0.self_attn." in name for name in (*converted.new, *converted.dropped))
    again = write_hybrid(
        base, tmp_path / "q", [{"kernel": kernel, "settings": layers[0]}, {"kernel": "softmax", "settings": {}}], 0
    )
    assert all(torch.equal(t, after[name]) for name, t in load_file(again.folder / "model.safetensors").items())


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_saved_policy_is_loaded_as_it_was(kernel, policies, tmp_path) -> None:
    model = load(policies[kernel])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    model.save_pretrained(tmp_path)
    again = load(tmp_path)
    ids = torch.arange(3, 90)[None]
    with torch.no_grad():
        assert torch.equal(model(ids, use_cache=False).logits, again(ids, use_cache=False).logits)
    assert again.config.model_type == "longthought_llama"
    assert again.config.attention["layers"][0]["kernel"] == kernel


def test_a_policy_that_lacks_weights_is_refused(policies, tmp_path) -> None:
    from safetensors.torch import save_file

    for file in policies["linear"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.0.self_attn.k_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"its weights lack model\.layers\.0\.self_attn\.k_proj\.weight"):
        load_policy(tmp_path, "float32", "auto", packable=PACKABLE, packed_name=NAME)


def sequences_with_shared_prompts() -> list[TrainSequence]:
    """Prompts that begin alike, several responses each, lengths around a chunk of 64."""
    draw = np.random.default_rng(0)
    common = draw.integers(3, 256, 20)
    made = []
    for group, (own, responses) in enumerate([(5, (1, 70, 3)), (64, (66,)), (44, (2, 64))]):
        prompt = np.concatenate([common, draw.integers(3, 256, own)]).astype(np.int64)
        for length in responses:
            zeros = np.zeros(length, np.float32)
            response = draw.integers(3, 256, length).astype(np.int64)
            made.append(TrainSequence(group, prompt, response, zeros, zeros, np.ones_like(zeros)))
    return made


def packed_states(model, sequences, share):
    (micro_plan,) = plan_step(sequences, 1, 10**6, hidden=32, share_prompts=share).ranks[0]
    micro = build(micro_plan, sequences, padded=False, device="cpu", share=share)
    states = model.base_model(**micro.inputs, use_cache=False).last_hidden_state[0].index_select(0, micro.predictor_N)
    lengths = [len(sequences[m].response_ids_R) for m in micro.members]
    by_member = dict(zip(micro.members, states.split(lengths), strict=True))
    return torch.cat([by_member[i] for i in range(len(sequences))])


def separate_states(model, sequences):
    states = []
    for s in sequences:
        ids = torch.from_numpy(np.concatenate([s.prompt_ids_P, s.response_ids_R[:-1]]))[None]
        states.append(model.base_model(input_ids=ids, use_cache=False).last_hidden_state[0, len(s.prompt_ids_P) - 1 :])
    return torch.cat(states)


@pytest.mark.parametrize("share", [False, True], ids=["packed", "shared"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_packed_equals_separate(kernel, policies, share) -> None:
    model = load(policies[kernel])
    assert can_go_on(model) is (kernel in SHARED)
    if share and kernel not in SHARED:
        pytest.skip(f"{kernel} does not share prompts, which was asserted")
    sequences = sequences_with_shared_prompts()
    found, expected = packed_states(model, sequences, share), separate_states(model, sequences)
    torch.testing.assert_close(found, expected, rtol=2e-4, atol=2e-4)
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(0))
    gradients = []
    for states in (found, expected):
        model.zero_grad()
        (states * weight).sum().backward()
        gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[1].items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(gradients[0][name], gradient, rtol=0, atol=2e-3 * scale + 1e-6, msg=name)


def test_every_base_has_its_hybrid_and_is_packable() -> None:
    assert {config.model_type.removeprefix("longthought_") for config in CONFIGS} == set(BASES)
    assert {config.model_type for config in CONFIGS} <= set(PACKABLE)


def test_what_cannot_be_converted_is_refused(policies) -> None:
    layers = [{"kernel": "linear", "settings": {}}] * 2
    with pytest.raises(
        ModelError, match="the layers of a gpt2 cannot be replaced; those of llama, qwen2, qwen3, qwen3"
    ):
        hybrid_config(GPT2Config(), layers)
    built = load(policies["linear"]).config
    with pytest.raises(ModelError, match="replaced before"):
        hybrid_config(built, layers)


def test_entries_that_do_not_fit_the_layers_are_refused(policies, tmp_path) -> None:
    for file in policies["linear"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["attention"]["layers"].pop()
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"attention\.layers has 1 entries, and the model has 2 layers"):
        load(tmp_path)


def test_a_cache_or_a_mask_is_refused_by_name(policies) -> None:
    model = load(policies["linear"])
    with pytest.raises(ValueError, match="linear keeps no cache in transformers: sample with vLLM"):
        model(torch.arange(5)[None], use_cache=True)
    mixer = mixers_of(model)[0]
    assert isinstance(mixer, Mixer)
    with pytest.raises(ValueError, match="linear takes no mask"):
        mixer(torch.zeros(1, 4, 128), (torch.zeros(1, 4, 32),) * 2, attention_mask=torch.ones(1, 1, 4, 4))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("linear", {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}),
        (
            "yarn",
            {"rope_type": "yarn", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 1024},
        ),
        ("ntk", {"rope_type": "default", "rope_theta": 10000.0 * 4.0 ** (32 / 30)}),
    ],
)
def test_positions_are_stretched(kind, expected) -> None:
    base = LlamaConfig(
        hidden_size=128, num_attention_heads=4, num_hidden_layers=1, max_position_embeddings=1024, head_dim=32
    )
    made = hybrid_config(base, [{"kernel": "linear", "settings": {}}], RopeScaling(kind, 4.0))
    assert made.rope_parameters == expected
    assert made.max_position_embeddings == 4096
    assert base.max_position_embeddings == 1024, "the base's own is left alone"


@pytest.mark.parametrize("kernel", ["linear", "lightning", "flash", "sliding_window"])
def test_yarns_temperature_is_for_a_softmax_alone(kernel) -> None:
    """Its (cos, sin) are 1 + 0.1 ln 4 long; a linear numerator would grow by the square of that."""
    base = LlamaConfig(hidden_size=128, num_attention_heads=4, num_hidden_layers=1, head_dim=32)
    layers = [{"kernel": kernel, "settings": {}}]
    (mixer,) = make_mixers(hybrid_config(base, layers, RopeScaling("yarn", 4.0))).values()
    length = 1 + 0.1 * math.log(4.0)
    angle = torch.linspace(0, 3, 20)[:, None].expand(-1, 32)
    cos, sin = mixer.angles((length * angle.cos(), length * angle.sin()))
    expected = length if kernel == "sliding_window" else 1.0
    torch.testing.assert_close((cos**2 + sin**2).sqrt(), torch.full((20, 32), expected))


def test_positions_that_start_again_are_other_sequences(policies) -> None:
    model = load(policies["lightning"])
    positions = torch.tensor([[*range(6), *range(5)]])
    mixer, rotary = mixers_of(model)[0], model.base_model.rotary_emb
    hidden = torch.randn(1, 11, 128, generator=torch.Generator().manual_seed(0))
    packed, _ = mixer(hidden, rotary(hidden, positions), position_ids=positions)
    rows = [mixer(h, rotary(h, torch.arange(h.shape[1])[None]))[0] for h in (hidden[:, :6], hidden[:, 6:])]
    torch.testing.assert_close(packed, torch.cat(rows, 1), rtol=1e-5, atol=2e-5)


def test_positions_are_not_stretched_twice() -> None:
    base = LlamaConfig(rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4})
    with pytest.raises(ValueError, match="stretched already"):
        hybrid_config(base, [{"kernel": "linear", "settings": {}}], RopeScaling("yarn", 2.0))


def test_spans_become_levels() -> None:
    """What all begin with, two prompts after it (the first goes on into its first response), and two more responses."""
    spans = [
        Span(0, 4),
        Span(4, 5, ((0, 4),)),  # a prompt of 3 and a response of 2
        Span(9, 6, ((0, 4), (4, 3))),
        Span(15, 2, ((0, 4),)),
    ]
    first, second, third = plan_attention(spans).levels
    assert (first.cu_seqlens.lengths, first.parent_S) == ((4,), None)
    assert second.cu_seqlens.lengths == (3, 2)
    assert second.index_T.tolist() == [4, 5, 6, 15, 16]
    assert second.parent_S.tolist() == [0, 0]
    assert third.cu_seqlens.lengths == (2, 6)
    assert third.index_T.tolist() == [7, 8, 9, 10, 11, 12, 13, 14]
    assert third.parent_S.tolist() == [0, 0]
    (only,) = plan_attention([Span(0, 3), Span(3, 2)]).levels
    assert (only.index_T, only.parent_S) == (None, None)
    assert isinstance(only.cu_seqlens, CuSeqlens)


def test_the_base_is_left_as_it_was(tmp_path) -> None:
    base = write_base("moe", tmp_path / "base", 2)
    before = {file.name: file.read_bytes() for file in base.iterdir()}
    write_hybrid(base, tmp_path / "p", [{"kernel": "linear", "settings": {}}, {"kernel": "softmax", "settings": {}}], 0)
    assert {file.name: file.read_bytes() for file in base.iterdir()} == before
