"""A transformers model whose layers run a kernel: packed, padded and alone it computes the same, and it is the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AttentionInterface, Gemma2Config, Gemma2ForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers.masking_utils import AttentionMaskInterface

from rlhf.attention.catalog import CATALOG
from rlhf.attention.contract import Kernel
from rlhf.attention.spec import KernelSettings, KernelSpec
from rlhf.attention.specs.sparse import BlockSparseSettings, StridedSettings
from rlhf.attention.transformers_interface import KernelAttention, register, servable, settings_extras

SETTINGS: dict[str, KernelSettings] = {
    "strided": StridedSettings(local=4, stride=3),
    "block_sparse": BlockSparseSettings(block=4, topk=1),
}
NAMES = ["linear", "softmax", "strided", "block_sparse"]
LENGTHS = [5, 23, 12]
FAR = 1e-6  # what float64 models may differ by when their softmax and norms are float32 inside: measured 1e-8


@pytest.fixture(autouse=True)
def as_they_were() -> Iterator[None]:
    """transformers' registries are the process's: leave them as they were found."""
    before = dict(AttentionInterface._global_mapping), dict(AttentionMaskInterface._global_mapping)
    yield
    for mapping, known in zip((AttentionInterface, AttentionMaskInterface), before, strict=True):
        mapping._global_mapping.clear()
        mapping._global_mapping.update(known)


def model(attention: str, **changes: Any) -> Any:
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        initializer_range=0.3,
        attn_implementation=attention,
        **changes,
    )
    return Qwen3ForCausalLM(config).double()


def ids(count: int) -> Tensor:
    return torch.randint(0, 50, (1, count), generator=torch.Generator().manual_seed(count))


def positions(lengths: list[int]) -> Tensor:
    return torch.cat([torch.arange(n) for n in lengths])[None]


def logits(of: Any, *args: Any, **kwargs: Any) -> Tensor:
    return of(*args, use_cache=False, **kwargs).logits


@pytest.mark.parametrize("name", NAMES)
def test_packed_is_separate_is_padded(name: str) -> None:
    register([name], SETTINGS if name in SETTINGS else None)
    tiny = model(f"longthought_{name}")
    parts = [ids(n) for n in LENGTHS]
    row = torch.cat(parts, 1)
    alone = torch.cat([logits(tiny, part) for part in parts], 1)
    by_positions = logits(tiny, row, position_ids=positions(LENGTHS))
    offsets = torch.tensor([0, 5, 28, 40], dtype=torch.int32)
    by_offsets = logits(tiny, row, position_ids=positions(LENGTHS), cu_seq_lens_q=offsets, cu_seq_lens_k=offsets)
    torch.testing.assert_close(by_positions, alone, rtol=FAR, atol=FAR)
    torch.testing.assert_close(by_offsets, alone, rtol=FAR, atol=FAR)

    padded = torch.stack([torch.nn.functional.pad(part[0], (0, 23 - part.shape[1])) for part in parts])
    mask = torch.arange(23) < torch.tensor(LENGTHS)[:, None]
    found = logits(tiny, padded, attention_mask=mask.long())
    torch.testing.assert_close(found[mask], alone[0], rtol=FAR, atol=FAR)
    whole = logits(tiny, torch.cat([ids(23), ids(23).flip(1)]), attention_mask=torch.ones(2, 23))
    torch.testing.assert_close(whole[:1], logits(tiny, ids(23)), rtol=FAR, atol=FAR)
    torch.testing.assert_close(whole[1:], logits(tiny, ids(23).flip(1)), rtol=FAR, atol=FAR)


@pytest.mark.parametrize("name", NAMES)
def test_the_layers_run_the_kernel_and_gradients_flow(name: str) -> None:
    """The same model over the naive form gives the same logits and gradients."""

    def naive(spec: KernelSpec) -> Kernel:
        kernel = spec.kernel()
        return Kernel(kernel.name, kernel.naive, kernel.naive)

    found = []
    for kernel_of in (KernelSpec.kernel, naive):
        register([name], SETTINGS if name in SETTINGS else None, kernel_of)
        tiny = model(f"longthought_{name}")
        out = logits(tiny, ids(40), position_ids=positions(LENGTHS))
        out.log_softmax(-1).square().mean().backward()
        found.append((out, {n: p.grad for n, p in tiny.named_parameters()}))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=FAR, atol=FAR)
    for parameter, gradient in found[1][1].items():
        assert gradient is not None, parameter
        assert float(gradient.abs().max()) > 0, parameter
        torch.testing.assert_close(found[0][1][parameter], gradient, rtol=1e-5, atol=1e-7)


def test_softmax_is_what_transformers_computes() -> None:
    register(["softmax"])
    expected = logits(model("eager"), ids(20))
    torch.testing.assert_close(logits(model("longthought_softmax"), ids(20)), expected, rtol=1e-5, atol=1e-5)
    differs = logits(model("longthought_softmax"), ids(20)) - logits(model("sdpa"), ids(20).flip(1))
    assert float(differs.detach().abs().max()) > 0.1


def test_a_model_s_own_scale_is_kept() -> None:
    """Gemma 2 scales its scores by query_pre_attn_scalar ** -0.5, whatever the head size; no soft cap here."""
    register(["softmax"])

    def gemma(attention: str) -> Any:
        torch.manual_seed(0)
        config = Gemma2Config(
            vocab_size=50,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            query_pre_attn_scalar=2,
            attn_logit_softcapping=None,
            layer_types=["full_attention"],
            initializer_range=0.5,
            attn_implementation=attention,
        )
        return Gemma2ForCausalLM(config).double()

    expected = logits(gemma("eager"), ids(20))
    torch.testing.assert_close(logits(gemma("longthought_softmax"), ids(20)), expected, rtol=1e-5, atol=1e-5)


def test_the_tensors_of_a_batch_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    register(["softmax"])
    tiny, made = model("longthought_softmax"), []
    from rlhf.attention import transformers_interface as interface

    def counted(*args: Any) -> Any:
        made.append(args)
        return make(*args)

    make = interface.packed_batch
    monkeypatch.setattr(interface, "packed_batch", counted)
    at = positions(LENGTHS)
    first = logits(tiny, ids(40), position_ids=at)
    assert len(made) == 1
    at.copy_(positions([40]))
    second = logits(tiny, ids(40), position_ids=at)
    assert len(made) == 2
    assert float((first - second).detach().abs().max()) > 0.01


def test_in_inference_mode_too() -> None:
    register(["softmax"])
    tiny = model("longthought_softmax")
    expected = logits(tiny, ids(40), position_ids=positions(LENGTHS)).detach()
    with torch.inference_mode():
        found = logits(tiny, ids(40), position_ids=positions(LENGTHS))
    torch.testing.assert_close(found.clone(), expected, rtol=0, atol=0)


def test_registering_is_idempotent_and_says_what_it_registered() -> None:
    assert set(NAMES) <= set(servable())
    assert register() == register() == tuple(f"longthought_{name}" for name in servable())
    assert register(["strided"]) == ("longthought_strided",)
    assert {f"longthought_{n}" for n in NAMES} <= set(AttentionInterface._global_mapping)
    assert {f"longthought_{n}" for n in NAMES} <= set(AttentionMaskInterface._global_mapping)


def test_what_cannot_be_registered_is_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no attention nonsense; known: .*strided"):
        register(["nonsense"])
    with pytest.raises(ValueError, match="there is no attention nonsense"):
        register(["softmax"], {"nonsense": KernelSettings()})
    gated = next(spec for spec in CATALOG.values() if spec.has_extras)
    with pytest.raises(ValueError, match="gives its layers a mixer"):
        settings_extras(gated, gated.settings())


def test_a_cache_is_refused_by_name() -> None:
    register(["strided"])
    tiny = model("longthought_strided")
    begun = tiny(ids(6), use_cache=True)
    with pytest.raises(ValueError, match="1 queries and 7 keys, so past_key_values are in use"):
        tiny(ids(1), past_key_values=begun.past_key_values, use_cache=True)
    with pytest.raises(ValueError, match="sample with an engine"):
        tiny.generate(ids(4), max_new_tokens=3, do_sample=False)


def test_masks_that_are_not_of_padding_on_the_right_are_refused() -> None:
    register(["strided"])
    tiny = model("longthought_strided")
    two = torch.cat([ids(5), ids(5)])
    for mask in ([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]], [[1, 1, 0, 1, 1], [1, 1, 1, 1, 1]]):
        with pytest.raises(ValueError, match="pad on the right"):
            logits(tiny, two, attention_mask=torch.tensor(mask))
    with pytest.raises(ValueError, match="found a mask of 4 axes"):
        logits(tiny, two, attention_mask=torch.zeros(2, 1, 5, 5))
    with pytest.raises(ValueError, match="leaves no token"):
        logits(tiny, two, attention_mask=torch.zeros(2, 5))


def test_offsets_that_do_not_fit_are_refused() -> None:
    register(["softmax"])
    tiny = model("longthought_softmax")
    with pytest.raises(ValueError, match="end at 4, the row has 5 tokens"):
        logits(tiny, ids(5), cu_seq_lens_q=torch.tensor([0, 4]))
    with pytest.raises(ValueError, match="a batch of one row"):
        logits(tiny, torch.cat([ids(5), ids(5)]), cu_seq_lens_q=torch.tensor([0, 5]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": 0.1}, "has no dropout"),
        ({"softcap": 50.0}, "a soft cap on its scores"),
        ({"s_aux": torch.zeros(2)}, "attention sinks"),
        ({"is_causal": False}, "is causal, and the layer is not"),
        ({"sliding_window": 64}, "a sliding window of 64 tokens"),
        ({"position_ids": torch.zeros(3, 1, 4)}, r"position_ids are \[1, 4\]"),
    ],
)
def test_a_layer_that_computes_something_else_is_refused(arguments: dict[str, Any], message: str) -> None:
    spec = CATALOG["strided"]
    attention = KernelAttention(spec.kernel(), settings_extras(spec, spec.settings()))
    x = torch.randn(1, 2, 4, 8)
    with pytest.raises(ValueError, match=message):
        attention(torch.nn.Module(), x, x, x, None, **arguments)


def test_a_layer_of_an_unknown_type_is_refused() -> None:
    register(["softmax"])
    tiny = model("longthought_softmax")
    attention = tiny.model.layers[1].self_attn
    tiny.config.layer_types = ["full_attention", "chunked_attention"]
    x = torch.randn(1, 4, 6, 8)
    with pytest.raises(ValueError, match="layer 1, which is of type chunked_attention"):
        AttentionInterface._global_mapping["longthought_softmax"](attention, x, x, x, None)
