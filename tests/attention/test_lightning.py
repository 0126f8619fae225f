"""Lightning attention: its forms agree whatever the decay is, it is what its papers say, and a layer decodes what it
was trained on."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from rlhf.attention.contract import HeadShape, map_tensors, zero_state
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed, decayed_by_definition
from rlhf.attention.decay.plan import cut
from rlhf.attention.kernels.lightning import KERNEL, MIXER
from rlhf.attention.kernels.lightning.extras import LightningExtras
from rlhf.attention.kernels.lightning.mixer import layer_factor, slopes
from rlhf.attention.mixers.base import MixerShape
from rlhf.attention.specs.decay import LIGHTNING, LightningSettings
from tests.attention.agreement import MakeExtras, assert_close, check, make_inputs, poisoned_memory
from tests.attention.layers import check_decoding, check_size, make_mixer
from tests.attention.suite import KernelSuite

SHAPE = HeadShape(4, 2, 8, 6)
naive: Any = KERNEL.naive
chunk: Any = KERNEL.chunk


def extras_of(decays: tuple[float, ...], learnt: bool = False) -> MakeExtras:
    def make(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> LightningExtras:
        log_decay = torch.tensor(decays, dtype=dtype).repeat(shape.kv_heads)[: shape.kv_heads]
        return LightningExtras(log_decay.requires_grad_(learnt), 0.3)

    return make


class TestLightning(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return extras_of((-0.25, -0.004, -1.0))(generator, shape, tokens, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("decays", [(0.0, -1e-9), (-0.3, -0.004), (-50.0, -3.0)])
@pytest.mark.parametrize("learnt", [False, True])
def test_any_decay_agrees(decays: tuple[float, ...], learnt: bool, dtype: torch.dtype) -> None:
    for lengths, carried in (([130], True), ([3, 64, 1, 127], True)):
        cu = CuSeqlens.of_lengths(lengths)
        check(KERNEL, make_inputs(KERNEL, SHAPE, cu, extras_of(decays, learnt), dtype, carried=carried), cu)


@pytest.mark.parametrize("learnt", [False, True])
@pytest.mark.parametrize("lengths", [[1024], [1100], [600, 1, 700], [30] * 40])
def test_more_than_a_piece_agrees(lengths: list[int], learnt: bool) -> None:
    cu = CuSeqlens.of_lengths(lengths)
    make = extras_of((-0.25, -0.004), learnt)
    check(KERNEL, make_inputs(KERNEL, HeadShape(4, 2, 40, 64), cu, make, carried=True), cu, ("chunk",))


# -- the core, also of retention and the state space model ------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("harsh", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("lengths", [[200], [3, 64, 1, 127]])
def test_decays_of_every_token_agree(lengths: list[int], harsh: float, dtype: torch.dtype) -> None:
    """harsh: share of the tokens that forget nearly all; the others nearly nothing."""
    cu = CuSeqlens.of_lengths(lengths)
    x = make_inputs(KERNEL, SHAPE, cu, extras_of((0.0,)), dtype, carried=True)
    assert x.state is not None
    drawn = torch.rand(2, cu.total, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    log_decay = torch.where(drawn < harsh, -50 - drawn, -drawn * 1e-3).to(dtype).requires_grad_()
    leaves = [x.q, x.k, x.v, log_decay, x.state[0]]
    with poisoned_memory():
        results = []
        for function in (decayed_by_definition, decayed):
            out, final = function(x.q, x.k, x.v, log_decay, x.state[0], cu, 0.5)
            weighed = (out * out.detach().cos()).sum() + (final * final.detach().sin()).sum()
            results.append([out, final, *torch.autograd.grad(weighed, leaves)])
    for name, expected, found in zip(("out", "final", "q", "k", "v", "log", "initial"), *results, strict=True):
        assert_close(found.detach(), expected.detach(), 1e-10 if dtype is torch.float64 else 1e-4, name)


def test_heads_that_lie_apart_in_memory_and_gradients_that_are_spread_out() -> None:
    """As a layer has them, [T, H, d] transposed; and the gradient of a sum, which is one number seen everywhere."""
    cu = CuSeqlens.of_lengths([1100])
    q, k, v = (torch.randn(1100, 2, 64).transpose(0, 1).requires_grad_() for _ in range(3))
    log_decay = -slopes(2, torch.float32, torch.device("cpu"))
    found = torch.autograd.grad(decayed(q, k, v, log_decay, None, cu)[0].sum(), (q, k, v))
    q, k, v = (x.detach().contiguous().requires_grad_() for x in (q, k, v))
    expected = torch.autograd.grad(decayed(q, k, v, log_decay, None, cu)[0].sum(), (q, k, v))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_bfloat16_is_summed_in_float32() -> None:
    cu = CuSeqlens.of_lengths([70, 500])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of((-0.2, -0.01)), torch.bfloat16)
    extras = map_tensors(x.extras, lambda t, _: t.float())
    out, (state,), _ = chunk(x.q, x.k, x.v, extras, None, cu)
    wide, (wide_state,), _ = chunk(x.q.float(), x.k.float(), x.v.float(), extras, None, cu)
    assert (out.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(out, wide.bfloat16())
    torch.testing.assert_close(state, wide_state)
    out.float().square().sum().backward()
    assert x.q.grad is not None and x.q.grad.dtype is torch.bfloat16


def test_the_state_alone_has_a_gradient() -> None:
    cu = CuSeqlens.of_lengths([90])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of((-0.2,)))
    gradients = []
    for form in (naive, chunk):
        _, (state,), _ = form(x.q, x.k, x.v, x.extras, None, cu)
        gradients.append(torch.autograd.grad(state.square().sum(), (x.k, x.v)))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-10, atol=1e-10)


def test_pieces_cover_the_sequences() -> None:
    plan = cut([130, 64, 1], 64, 2, torch.device("cpu"))
    assert [(p.tokens.start, p.tokens.stop, p.count) for p in plan.pieces] == [
        (0, 128, 2),
        (128, 194, 2),
        (194, 195, 1),
    ]
    assert [(p.opens, p.closes, dict(p.turns)) for p in plan.pieces] == [(0, None, {}), (None, 1, {1: 1}), (2, 2, {})]
    assert [p.place_t is None for p in plan.pieces] == [True, False, False]
    x = torch.arange(195)[None].double()
    torch.testing.assert_close(plan.join(plan.split(x)), x)


def test_heads_that_do_not_divide_are_refused() -> None:
    x = torch.zeros(3, 4, 2)
    with pytest.raises(ValueError, match="3 query heads are no multiple of 2"):
        decayed(x, x[:2], x[:2], torch.zeros(2), None, CuSeqlens([0, 4]))


# -- what it is ---------------------------------------------------------------------------------------------------


def test_two_tokens_worked_by_hand() -> None:
    """scale 1/2, decay 1/4: S_2 = 1/4 * 3 * 2 + 5 * 1 = 6.5; out = (1 * 6 / 2, 4 * 6.5 / 2)."""
    q, k, v = (torch.tensor([[[a], [b]]], dtype=torch.float64) for a, b in ((1, 4), (3, 5), (2, 1)))
    extras = LightningExtras(torch.tensor([math.log(0.25)], dtype=torch.float64), 0.5)
    for form in (naive, chunk):
        out, (state,), _ = form(q, k, v, extras, None, CuSeqlens([0, 2]))
        assert out.flatten().tolist() == pytest.approx([3.0, 13.0])
        assert state.item() == pytest.approx(6.5)


def test_without_decay_it_is_the_sum_of_all_before() -> None:
    cu = CuSeqlens.of_lengths([150])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of((0.0,)))
    out, *_ = chunk(x.q, x.k, x.v, LightningExtras(torch.zeros(2).double()), None, cu)
    k, v = (t.repeat_interleave(2, 0) for t in (x.k, x.v))
    torch.testing.assert_close(out, (x.q @ k.mT).tril() @ v, rtol=1e-10, atol=1e-10)


def test_zeroed_memory_is_no_token_yet() -> None:
    cu = CuSeqlens.of_lengths([5, 70])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of((-0.2,)))
    fresh, *_ = chunk(x.q, x.k, x.v, x.extras, None, cu)
    zeroed, *_ = chunk(x.q, x.k, x.v, x.extras, zero_state(KERNEL, SHAPE, x.extras, 2, x.q), cu)
    torch.testing.assert_close(zeroed, fresh)


def test_slopes_are_those_of_alibi_and_fall_with_the_layers() -> None:
    eight = slopes(8, torch.float64, torch.device("cpu")).tolist()
    assert eight == [2.0**-h for h in range(1, 9)]
    assert layer_factor(0, 24) == 1 + 1e-5
    assert layer_factor(23, 24) == pytest.approx(1e-5)
    assert layer_factor(0, 1) == 1 + 1e-5


# -- the layer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{}, {"rope": "none", "activation": "none", "gate": False, "layer_slopes": False}, {"gate": False}]
)
def test_a_layer_decodes_what_it_was_trained_on(settings: dict[str, Any]) -> None:
    mixer = make_mixer("lightning", **settings)
    check_decoding(mixer, 70)
    check_size(mixer)
    assert not list(mixer.buffers())


@pytest.mark.parametrize("gate", [True, False])
def test_a_layer_begins_with_outputs_of_a_softmax_layers_size(gate: bool) -> None:
    shape = MixerShape(hidden=12, heads=4, kv_heads=2, head_dim=6, layer=1, layers=3)
    mixer: Any = MIXER(shape, LightningSettings(gate=gate)).double()
    mixer.reset(0.0)
    mixer.o_proj = torch.nn.Identity()
    hidden = torch.randn(9, 12, dtype=torch.float64)
    out = mixer.finish(torch.randn(4, 9, 6, dtype=torch.float64) * 100, hidden).unflatten(-1, (4, 6))
    torch.testing.assert_close(out.square().mean(-1).sqrt(), torch.full((9, 4), 0.25, dtype=torch.float64))


def test_a_bfloat16_layer_has_its_decays_in_float32() -> None:
    mixer: Any = make_mixer("lightning").bfloat16()
    hidden = torch.randn(3, 12).bfloat16()
    decay = mixer.extras(hidden, (hidden, hidden)).log_decay_G
    assert decay.dtype is torch.float32
    assert decay.tolist() == pytest.approx([-(2.0**-4) * (0.5 + 1e-5), -(2.0**-8) * (0.5 + 1e-5)])


def test_the_registry_knows_it() -> None:
    assert (LIGHTNING.kernel(), LIGHTNING.mixer()) == (KERNEL, MIXER)


@pytest.mark.parametrize("bad", [{"activation": "relu"}, {"rope": "features"}, {"gate": 1}, {"slopes": True}])
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LightningSettings(**bad)
