"""Mixed chunk attention: its forms agree wherever a chunk is broken off, and it is what its formula says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from rlhf.attention.contract import HeadShape, zero_state
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.flash import KERNEL, MIXER
from rlhf.attention.kernels.flash.extras import FlashExtras
from rlhf.attention.mixers.base import MixerShape
from rlhf.attention.specs.windows import FLASH, FlashSettings
from tests.attention.agreement import check, check_carried, make_inputs
from tests.attention.suite import KernelSuite

SHAPE = HeadShape(4, 2, 8, 6)


def extras_of(chunk: int) -> Any:
    def make(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> FlashExtras:
        def draw(heads: int) -> torch.Tensor:
            x = torch.randn(heads, tokens, shape.key, generator=generator, dtype=torch.float64)
            return x.to(dtype).requires_grad_()

        return FlashExtras(draw(shape.heads), draw(shape.kv_heads), chunk)

    return make


class TestFlash(KernelSuite):
    kernel = KERNEL
    chunk = 16
    extras = staticmethod(extras_of(16))


@pytest.mark.parametrize("size", [2, 3, 128])
@pytest.mark.parametrize("carried", [False, True])
def test_small_and_large_chunks(size: int, carried: bool) -> None:
    for lengths in ([1], [5, 9, 1], [130]):
        cu = CuSeqlens.of_lengths(lengths)
        check(KERNEL, make_inputs(KERNEL, SHAPE, cu, extras_of(size), carried=carried), cu)


def test_a_chunk_may_be_broken_off_anywhere() -> None:
    for cut in range(1, 9):
        check_carried(KERNEL, SHAPE, extras_of(4), [cut + 1, cut + 3, cut + 4, cut + 10], cut)


def test_five_tokens_worked_by_hand() -> None:
    """C = 2, d = 1. relu^2(2 * 3) / 2 = 18 inside; the fifth token: 2 chunks, 4 tokens, q' sum k' v / 4."""

    def row(*x: float) -> torch.Tensor:
        return torch.tensor([[[t] for t in x]], dtype=torch.float64)

    extras = FlashExtras(row(9, 9, 2, 2, 4), row(1, 2, 3, -4, 5), 2)
    q, k, v = row(1, 2, 1, 1, 1), row(3, -1, 0, 0, 2), row(1, 10, 100, 1000, 7)
    for form in (KERNEL.naive, KERNEL.chunk):
        out, (total, pending, keys, values, count), _ = form(q, k, v, extras, None, CuSeqlens([0, 5]))
        first = 1 * 1 + 2 * 10
        both = first + 3 * 100 - 4 * 1000
        expected = [9 / 2 * 1, 36 / 2 * 1, 2 * first / 2, 2 * first / 2, 4 / 2 * 7 + 4 * both / 4]
        assert out.flatten().tolist() == pytest.approx(expected)
        assert (total.item(), pending.item()) == (both, 5 * 7)
        assert (keys.item(), values.item(), count.item()) == (2, 7, 5)


def test_a_completed_chunk_leaves_nothing_unfinished() -> None:
    cu = CuSeqlens([0, 8])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of(4))
    for form in (KERNEL.naive, KERNEL.chunk):
        _, state, _ = form(x.q, x.k, x.v, x.extras, None, cu)
        assert state is not None
        assert not any(bool(t.any()) for t in state[1:4])


def test_neither_part_grows_with_the_sequence() -> None:
    """The same token over and over: a mean over the past, so the last chunk's output is the second one's."""
    cu = CuSeqlens([0, 8 * 64])
    token = torch.randn(1, 1, 4, dtype=torch.float64).expand(1, cu.total, 4)
    out, *_ = KERNEL.chunk(token, token, token, FlashExtras(token, token, 8), None, cu)
    torch.testing.assert_close(out[:, -8:], out[:, 8:16], rtol=1e-10, atol=0)


def test_zeroed_memory_is_no_token_yet() -> None:
    cu = CuSeqlens.of_lengths([5, 20])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of(8))
    fresh, *_ = KERNEL.chunk(x.q, x.k, x.v, x.extras, None, cu)
    zeroed, *_ = KERNEL.chunk(x.q, x.k, x.v, x.extras, zero_state(KERNEL, SHAPE, x.extras, 2, x.q), cu)
    torch.testing.assert_close(zeroed, fresh, rtol=0, atol=1e-12)


def test_without_linear_queries_and_keys_it_says_so() -> None:
    x = torch.ones(1, 1, 2)
    with pytest.raises(ValueError, match="q_linear and k_linear"):
        KERNEL.chunk(x, x, x, FlashExtras(), None, CuSeqlens([0, 1]))


def make_mixer(**settings: Any) -> Any:
    torch.manual_seed(0)
    shape = MixerShape(hidden=12, heads=4, kv_heads=2, head_dim=6, layer=0, layers=1)
    mixer = MIXER(shape, FlashSettings(**settings)).double()
    for p in mixer.parameters():
        p.data.fill_(torch.nan)
    mixer.reset(0.3)
    return mixer


def rope_of(lengths: list[int], size: int) -> tuple[torch.Tensor, torch.Tensor]:
    position = torch.cat([torch.arange(n) for n in lengths]).double()
    angle = position[:, None] * 0.3 ** torch.arange(size // 2)
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


@pytest.mark.parametrize("settings", [{"chunk": 4}, {"chunk": 5, "expansion": 1, "key_size": 8}])
def test_a_layer_decodes_what_it_was_trained_on(settings: dict[str, Any]) -> None:
    mixer = make_mixer(**settings)
    hidden, cu = torch.randn(26, 12, dtype=torch.float64), CuSeqlens.of_lengths([13, 13])
    cos, sin = rope_of([13, 13], 6)
    whole, end, _ = mixer.mix(hidden, (cos, sin), None, cu)
    whole.square().sum().backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in mixer.parameters())
    assert bool((mixer.scale_4d.grad != 0).all())
    state = None
    for t in range(13):
        at = torch.tensor([t, 13 + t])
        out, state, _ = mixer.mix(hidden[at], (cos[at], sin[at]), state, CuSeqlens([0, 1, 2]), form="step")
        torch.testing.assert_close(out, whole[at], rtol=1e-10, atol=1e-14)
    for a, b in zip(state, end, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("settings", [{}, {"chunk": 4, "expansion": 3, "key_size": 16}])
def test_the_promised_size_is_the_states(settings: dict[str, Any]) -> None:
    mixer = make_mixer(**settings)
    assert FLASH.state_size is not None
    size = sum(torch.Size(s).numel() for s in mixer.state_shapes())
    assert FLASH.state_size(4, 2, 6, mixer.settings) == size
    assert FLASH.kernel() is KERNEL
    assert FLASH.mixer() is MIXER


def test_parameters_are_not_taken_for_a_softmax_layers() -> None:
    names = [name for name, _ in make_mixer().named_parameters()]
    taken = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "down_proj")
    assert not [name for name in names if any(other in name for other in taken)]
    assert not list(make_mixer().buffers())


@pytest.mark.parametrize("bad", [{"chunk": 1}, {"expansion": 0}, {"key_size": 7}, {"chunks": 4}])
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FlashSettings(**bad)


def test_a_key_smaller_than_the_rotary_angles_is_refused() -> None:
    with pytest.raises(ValueError, match=r"layer 0.*key_size 4.*at least 6"):
        make_mixer(key_size=4)
