"""Gated linear attention: its forms agree whatever the gates are, and a layer decodes what it was trained on."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import silu

from rlhf.attention.contract import HeadShape, zero_state
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gla import KERNEL, MIXER
from rlhf.attention.kernels.gla.decayed import LARGEST_EXPONENT, decayed
from rlhf.attention.kernels.gla.extras import GatedLinearExtras
from rlhf.attention.kernels.gla.output import OPEN
from rlhf.attention.mixers.base import Mixer, MixerShape
from rlhf.attention.specs.gated import GLA, GatedLinearSettings
from tests.attention.agreement import Inputs, MakeExtras, check, make_inputs
from tests.attention.suite import KernelSuite

SHAPE = HeadShape(4, 2, 8, 6)


def gates(kind: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Log gates, float64. mild: all near 0; harsh: a chunk's sum overflows exp; hostile: -50 beside -1e-6."""
    u = torch.rand(shape, generator=generator, dtype=torch.float64)
    return {
        "mild": -u * 0.2,
        "harsh": -u * 4,
        "hostile": torch.where(u < 0.3, -50.0, torch.where(u < 0.6, -1e-6, -u * 3)),
        "shut": -50 - u,
        "open": -u * 1e-9,
    }[kind]


def extras_of(kind: str) -> MakeExtras:
    def make(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> GatedLinearExtras:
        log_alpha = gates(kind, (shape.kv_heads, tokens, shape.key), generator)
        return GatedLinearExtras(log_alpha.to(dtype).requires_grad_())

    return make


class TestGatedLinear(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        """Mild gates, and in one token of twenty some that the whole chunk's factors cannot bear."""
        x = gates("mild", (shape.kv_heads, tokens, shape.key), generator)
        hostile = gates("hostile", (shape.kv_heads, tokens, shape.key), generator)
        seldom = torch.rand(1, tokens, 1, generator=generator) < 0.05
        return GatedLinearExtras(torch.where(seldom, hostile, x).to(dtype).requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", ["mild", "harsh", "hostile", "shut", "open"])
def test_any_gate_agrees(kind: str, dtype: torch.dtype) -> None:
    for lengths, carried in (([130], True), ([3, 64, 1, 127], False)):
        cu = CuSeqlens.of_lengths(lengths)
        check(KERNEL, make_inputs(KERNEL, SHAPE, cu, extras_of(kind), dtype, carried=carried), cu)


def test_many_repeats_of_a_hostile_gate_leave_gradients_finite() -> None:
    """Eight chunks of nothing but -50, then one token that looks back."""
    cu = CuSeqlens([0, 513])
    log_alpha = torch.full((2, 513, 8), -50.0).requires_grad_()
    inputs = make_inputs(KERNEL, SHAPE, cu, extras_of("mild"), torch.float32)
    out, (state,), _ = KERNEL.chunk(inputs.q, inputs.k, inputs.v, GatedLinearExtras(log_alpha), None, cu)
    (out.square().sum() + state.sum()).backward()
    for x in (out, state, inputs.q.grad, inputs.k.grad, inputs.v.grad, log_alpha.grad):
        assert x is not None
        assert bool(torch.isfinite(x).all())


def test_mild_and_halved_chunks_are_the_same_function() -> None:
    """A chunk just within the bound of the factors, and the same chunk pushed beyond it by a token that nothing sees."""
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(1, 1, 64, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    log_alpha = gates("mild", (1, 1, 64, 4), generator) * LARGEST_EXPONENT / 8
    assert log_alpha.sum(2).amin() > -LARGEST_EXPONENT
    mild = decayed(q, k, log_alpha)
    first = torch.zeros_like(log_alpha)
    first[:, :, 0] = -2 * LARGEST_EXPONENT
    halved = decayed(q, k, log_alpha + first)
    torch.testing.assert_close(halved.scores_GMRC, mild.scores_GMRC, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(halved.write_GMCd, mild.write_GMCd, rtol=1e-10, atol=1e-14)


def test_two_tokens_worked_by_hand() -> None:
    """d = 2, e = 1, scale 1: S_1 = (1, 2)^T 3, S_2 = diag(1/2, 1/4) S_1 + (1, 0)^T 4 = (5.5, 1.5)^T; q_2 = (2, 4)."""

    def row(*tokens: list[float]) -> Tensor:
        return torch.tensor([tokens], dtype=torch.float64)

    q, k, v = row([1, 1], [2, 4]), row([1, 2], [1, 0]), row([3], [4])
    extras = GatedLinearExtras(row([1, 1], [0.5, 0.25]).log(), scale=1.0)
    for form in (KERNEL.naive, KERNEL.chunk):
        out, (state,), _ = form(q, k, v, extras, None, CuSeqlens([0, 2]))
        assert out.flatten().tolist() == pytest.approx([3 + 6, 2 * 5.5 + 4 * 1.5])
        assert state.flatten().tolist() == pytest.approx([5.5, 1.5])


def test_gates_of_one_give_plain_linear_attention() -> None:
    cu = CuSeqlens.of_lengths([100, 30])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of("mild"))
    out, *_ = KERNEL.chunk(x.q, x.k, x.v, GatedLinearExtras(torch.zeros_like(x.k), scale=1.0), None, cu)
    for span in cu.spans():
        scores = (x.q[:, span] @ x.k[:, span].repeat_interleave(2, 0).mT).tril()
        torch.testing.assert_close(out[:, span], scores @ x.v[:, span].repeat_interleave(2, 0), rtol=1e-10, atol=1e-10)


def test_a_gate_common_to_all_channels_is_retention() -> None:
    """out_i = scale * sum_j gamma^(i - j) (q_i . k_j) v_j (arXiv 2307.08621, eq. 5, without its rotation)."""
    cu, gamma = CuSeqlens([0, 150]), 0.93
    x = make_inputs(KERNEL, SHAPE, cu, extras_of("mild"))
    out, *_ = KERNEL.chunk(x.q, x.k, x.v, GatedLinearExtras(torch.full_like(x.k, math.log(gamma))), None, cu)
    distance = torch.arange(150)[:, None] - torch.arange(150)
    fading = (gamma ** distance.double()).tril()
    k, v = (t.repeat_interleave(2, 0) for t in (x.k, x.v))
    torch.testing.assert_close(out, x.q @ k.mT * fading * 8**-0.5 @ v, rtol=1e-10, atol=1e-12)


def test_zeroed_memory_is_no_token_yet() -> None:
    check_zeroed(KERNEL, make_inputs(KERNEL, SHAPE, CuSeqlens.of_lengths([5, 70]), extras_of("mild")))


def check_zeroed(kernel: Any, x: Inputs) -> None:
    """x: of two sequences, 5 and 70 tokens."""
    cu = CuSeqlens.of_lengths([5, 70])
    fresh, *_ = kernel.chunk(x.q, x.k, x.v, x.extras, None, cu)
    zeroed, *_ = kernel.chunk(x.q, x.k, x.v, x.extras, zero_state(kernel, SHAPE, x.extras, 2, x.q), cu)
    torch.testing.assert_close(zeroed, fresh, rtol=0, atol=0)


# -- the layer ------------------------------------------------------------------------------------------------


def make_mixer(kind: type[Mixer], settings: Any, std: float = 0.3, **shape: Any) -> Any:
    torch.manual_seed(0)
    sizes = {"hidden": 12, "heads": 4, "kv_heads": 2, "head_dim": 6, "layer": 0, "layers": 1, "qk_norm": True} | shape
    mixer = kind(MixerShape(**sizes), settings).double()
    softmax = ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
    for name, p in mixer.named_parameters():
        if name.split(".")[0] not in softmax:
            p.data.fill_(torch.nan)
    mixer.reset(std)
    return mixer


def rope_of(lengths: list[int], size: int) -> tuple[Tensor, Tensor]:
    position = torch.cat([torch.arange(n) for n in lengths]).double()
    angle = position[:, None] * 0.3 ** torch.arange(size // 2)
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def check_decoding(mixer: Any) -> None:
    """Packed in chunk form, and token by token from the state that begins as zeroed memory; every gradient is there."""
    lengths = [70, 70]
    for p in mixer.parameters():  # away from a start at which a part, such as a convolution, does nothing
        p.data.add_(torch.randn_like(p), alpha=0.1)
    hidden, cu = torch.randn(140, 12, dtype=torch.float64), CuSeqlens.of_lengths(lengths)
    cos, sin = rope_of(lengths, 6)
    whole, end, _ = mixer.mix(hidden, (cos, sin), None, cu)
    whole.square().sum().backward()
    for name, p in mixer.named_parameters():
        assert p.grad is not None and bool((p.grad != 0).any()), name
    state = tuple(torch.zeros(2, *shape, dtype=torch.float64) for shape in mixer.state_shapes())
    assert [s.shape for s in state] == [s.shape for s in end]
    with torch.no_grad():
        for t in range(70):
            at = torch.tensor([t, 70 + t])
            out, state, _ = mixer.mix(hidden[at], (cos[at], sin[at]), state, CuSeqlens([0, 1, 2]), form="step")
            torch.testing.assert_close(out, whole[at], rtol=1e-10, atol=1e-14)
    for a, b in zip(state, end, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-14)


def check_names(mixer: Any) -> None:
    own = [n for n, _ in mixer.named_parameters() if n.split(".")[0] not in ("q_proj", "k_proj", "v_proj", "o_proj")]
    assert not [n for n in own if any(x in n for x in ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "down_"))]
    assert not list(mixer.buffers())


@pytest.mark.parametrize("settings", [{}, {"rope": "inputs", "gate_rank": 3, "gate_temperature": 1.0}])
def test_a_layer_decodes_what_it_was_trained_on(settings: dict[str, Any]) -> None:
    mixer = make_mixer(MIXER, GatedLinearSettings(**settings))
    check_decoding(mixer)
    check_names(mixer)
    size = sum(torch.Size(s).numel() for s in mixer.state_shapes())
    assert GLA.state_size is not None
    assert GLA.state_size(4, 2, 6, mixer.settings) == size
    assert (GLA.kernel(), GLA.mixer()) == (KERNEL, MIXER)


@pytest.mark.parametrize("head_dim", [1, 5, 6])
def test_a_layer_begins_with_gates_near_one_and_an_open_output(head_dim: int) -> None:
    mixer = make_mixer(MIXER, GatedLinearSettings(), std=0.0, head_dim=head_dim, qk_norm=False)
    hidden = torch.randn(3, 12, dtype=torch.float64)
    alpha = mixer.extras(hidden, (hidden, hidden)).log_alpha_GTd.detach().exp()
    assert alpha.shape == (2, 3, head_dim)
    assert float(alpha.min()) >= math.exp(-1 / 64) - 1e-6
    assert float(alpha.max()) == pytest.approx(math.exp(-1 / 4096), abs=1e-6)
    assert float(silu(torch.tensor(OPEN))) == pytest.approx(1)


def test_bfloat16_layers_give_bfloat16_and_keep_their_gates_in_float32() -> None:
    mixer = make_mixer(MIXER, GatedLinearSettings()).bfloat16()
    hidden, cu = torch.randn(9, 12).bfloat16(), CuSeqlens([0, 9])
    cos, sin = rope_of([9], 6)
    out, (state,), _ = mixer.mix(hidden, (cos, sin), None, cu)
    assert (out.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    assert mixer.extras(hidden, (cos, sin)).log_alpha_GTd.dtype is torch.float32


@pytest.mark.parametrize("bad", [{"gate_rank": 0}, {"gate_temperature": 0.0}, {"rope": "features"}, {"ranks": 4}])
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GatedLinearSettings(**bad)
