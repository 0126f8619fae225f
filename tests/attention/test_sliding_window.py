"""Sliding-window attention: its forms agree at every relation of window, block and length, and it is a band of softmax."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch.nn.functional import scaled_dot_product_attention

from rlhf.attention.contract import HeadShape, zero_state
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.sliding_window import KERNEL, MIXER
from rlhf.attention.kernels.sliding_window.extras import SlidingWindowExtras
from rlhf.attention.mixers.base import MixerShape
from rlhf.attention.specs.windows import SLIDING_WINDOW, SlidingWindowSettings
from tests.attention.agreement import check, check_carried, make_inputs
from tests.attention.suite import KernelSuite

SHAPE = HeadShape(4, 2, 8, 6)


def extras_of(window: int, scale: float | None = None) -> Any:
    return lambda generator, shape, tokens, dtype: SlidingWindowExtras(window, scale)


class TestWindowBelowTheBlock(KernelSuite):
    kernel = KERNEL
    extras = staticmethod(extras_of(20))


class TestWindowAboveTheBlock(KernelSuite):
    kernel = KERNEL
    extras = staticmethod(extras_of(70, 0.7))

    def lengths(self) -> list[list[int]]:
        return [[69], [70], [71], [200], [3, 140, 1, 69]]


@pytest.mark.parametrize("window", [1, 2, 1000])
@pytest.mark.parametrize("carried", [False, True])
def test_windows_of_one_token_and_beyond_every_sequence(window: int, carried: bool) -> None:
    for lengths in ([1], [1, 66, 2]):
        cu = CuSeqlens.of_lengths(lengths)
        check(KERNEL, make_inputs(KERNEL, SHAPE, cu, extras_of(window), carried=carried), cu)
    check_carried(KERNEL, SHAPE, extras_of(window), [4, 68, 130], cut=3)


@pytest.mark.parametrize("window", [1, 3, 64, 65, 500])
def test_it_is_softmax_under_a_band(window: int) -> None:
    cu = CuSeqlens([0, 150])
    x = make_inputs(KERNEL, HeadShape(2, 2, 8, 8), cu, extras_of(window))
    out, *_ = KERNEL.chunk(x.q, x.k, x.v, x.extras, None, cu)
    band = torch.ones(150, 150, dtype=torch.bool).tril().triu(1 - window)
    expected = scaled_dot_product_attention(x.q[None], x.k[None], x.v[None], attn_mask=band)[0]
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)


def test_three_tokens_worked_by_hand() -> None:
    """Window 2, k . q = 0 and log 3: out_3 = (1 v_2 + 3 v_3) / 4, and v_1 is out of sight."""
    q = torch.ones(1, 3, 1, dtype=torch.float64)
    k = torch.tensor([[[9.0], [0.0], [torch.log(torch.tensor(3.0, dtype=torch.float64)).item()]]], dtype=torch.float64)
    v = torch.tensor([[[100.0], [4.0], [8.0]]], dtype=torch.float64)
    out, (keys, values, count), _ = KERNEL.chunk(q, k, v, SlidingWindowExtras(2), None, CuSeqlens([0, 3]))
    assert out[0, 0].item() == 100
    assert out[0, 2].item() == pytest.approx((4 + 3 * 8) / 4)
    assert values.flatten().tolist() == [8, 4], "position 2 lies in slot 0, position 1 in slot 1"
    assert keys.flatten().tolist() == [k[0, 2].item(), 0]
    assert count.tolist() == [[3]]


def test_zeroed_memory_is_no_token_yet() -> None:
    cu = CuSeqlens.of_lengths([5, 70])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of(9))
    fresh, *_ = KERNEL.chunk(x.q, x.k, x.v, x.extras, None, cu)
    zeroed, *_ = KERNEL.chunk(x.q, x.k, x.v, x.extras, zero_state(KERNEL, SHAPE, x.extras, 2, x.q), cu)
    torch.testing.assert_close(zeroed, fresh, rtol=0, atol=1e-12)


def test_arguments_are_left_as_they_were() -> None:
    cu = CuSeqlens.of_lengths([1, 1])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of(4), carried=True)
    assert x.state is not None
    before = [t.clone() for t in x.state]
    for form in ("step", "chunk", "naive"):
        KERNEL.form(form)(x.q, x.k, x.v, x.extras, x.state, cu)
    assert all(torch.equal(a, b) for a, b in zip(x.state, before, strict=True))


def test_half_precision_in_half_precision_out() -> None:
    cu = CuSeqlens([0, 80])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of(16), torch.bfloat16)
    out, state, _ = KERNEL.chunk(x.q, x.k, x.v, x.extras, None, cu)
    assert out.dtype is torch.bfloat16
    assert state is not None and all(t.dtype is torch.float32 for t in state)


def make_mixer(window: int) -> Any:
    torch.manual_seed(0)
    shape = MixerShape(hidden=12, heads=4, kv_heads=2, head_dim=6, layer=0, layers=1, qk_norm=True)
    mixer = MIXER(shape, SlidingWindowSettings(window=window)).double()
    mixer.reset(0.02)
    return mixer


def rope_of(lengths: list[int], size: int) -> tuple[torch.Tensor, torch.Tensor]:
    position = torch.cat([torch.arange(n) for n in lengths]).double()
    angle = position[:, None] * 0.3 ** torch.arange(size // 2)
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def test_a_layer_decodes_what_it_was_trained_on() -> None:
    mixer, lengths = make_mixer(5), [13, 13]
    hidden, cu = torch.randn(26, 12, dtype=torch.float64), CuSeqlens.of_lengths(lengths)
    cos, sin = rope_of(lengths, 6)
    whole, end, _ = mixer.mix(hidden, (cos, sin), None, cu)
    whole.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in mixer.parameters() if p.requires_grad)
    state = None
    for t in range(13):
        at = torch.tensor([t, 13 + t])
        out, state, _ = mixer.mix(hidden[at], (cos[at], sin[at]), state, CuSeqlens([0, 1, 2]), form="step")
        torch.testing.assert_close(out, whole[at], rtol=1e-10, atol=1e-12)
    for a, b in zip(state, end, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_the_promised_size_is_the_states() -> None:
    mixer = make_mixer(7)
    size = sum(torch.Size(s).numel() for s in mixer.state_shapes())
    assert SLIDING_WINDOW.state_size is not None
    assert SLIDING_WINDOW.state_size(4, 2, 6, mixer.settings) == size
    assert SLIDING_WINDOW.kernel() is KERNEL
    assert SLIDING_WINDOW.mixer() is MIXER


@pytest.mark.parametrize("bad", [{"window": 0}, {"window": -3}, {"window": 1.5}, {"scale": 0.0}, {"windows": 3}])
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SlidingWindowSettings(**bad)
