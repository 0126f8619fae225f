"""Performer: its forms agree, it estimates softmax attention as its paper says, and nothing it is given overflows."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch.nn.functional import scaled_dot_product_attention

from rlhf.attention.contract import HeadShape, zero_state
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.performer import KERNEL as PERFORMER
from rlhf.attention.kernels.performer.extras import PerformerExtras
from rlhf.attention.kernels.performer.mixer import PerformerMixer
from rlhf.attention.kernels.performer.orthogonal import orthogonal_features
from rlhf.attention.kernels.performer.slabs import slabs
from rlhf.attention.mixers.base import MixerShape
from rlhf.attention.specs.features import PERFORMER as SPEC
from rlhf.attention.specs.features import PerformerSettings
from tests.attention.agreement import check, check_carried, make_inputs
from tests.attention.suite import KernelSuite


def extras_of(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> PerformerExtras:
    w = torch.randn(shape.kv_heads, 12, shape.key, generator=generator, dtype=torch.float64)
    return PerformerExtras(w.to(dtype).requires_grad_())


class TestPerformer(KernelSuite):
    kernel = PERFORMER
    extras = staticmethod(extras_of)


class TestPerformerInManySlabs(KernelSuite):
    kernel = PERFORMER
    extras = staticmethod(extras_of)

    def lengths(self) -> list[list[int]]:
        return [[129], [3, 64, 1, 127]]

    @pytest.fixture(autouse=True)
    def small_slabs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rlhf.attention.kernels.performer.recurrence.CPU_SLAB", 1)


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """The package's formula, with no stabiliser at all."""

    def phi(x: torch.Tensor) -> torch.Tensor:
        x = x / x.shape[-1] ** 0.25
        return (x @ w.mT - x.square().sum(-1, keepdim=True) / 2).exp() / w.shape[1] ** 0.5

    weight = torch.tril(phi(q) @ phi(k).mT)
    return weight @ v / weight.sum(-1, keepdim=True)


@pytest.mark.parametrize("form", ["naive", "chunk"])
def test_the_stabilisers_cancel(form: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of them is EPS."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 150, 8, generator=generator, dtype=torch.float64) for _ in range(3))
    w = orthogonal_features(2, 32, 8, 0, torch.float64)
    out, (_, norm, top), _ = PERFORMER.form(form)(q, k, v, PerformerExtras(w), None, CuSeqlens([0, 150]))
    torch.testing.assert_close(out, plain(q, k, v, w), rtol=0, atol=1e-4)
    x = k / 8**0.25
    features = (x @ w.mT - x.square().sum(-1, keepdim=True) / 2).exp().sum(1)
    torch.testing.assert_close(norm[0] * top[0].exp()[:, None], features)


def test_gradients_are_those_of_the_plain_formula() -> None:
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(1, 80, 4, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3))
    w = orthogonal_features(1, 16, 4, 0, torch.float64).requires_grad_()
    weigh = torch.randn(1, 80, 4, generator=generator, dtype=torch.float64)
    expected = torch.autograd.grad((plain(q, k, v, w) * weigh).sum(), (q, k, v, w))
    out, *_ = PERFORMER.chunk(q, k, v, PerformerExtras(w), None, CuSeqlens([0, 80]))
    for found, wanted in zip(torch.autograd.grad((out * weigh).sum(), (q, k, v, w)), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * float(wanted.abs().max()))


def test_two_tokens_worked_by_hand() -> None:
    """One feature w = 2, d = 1: phi(q) cancels, phi(k) = exp(2 k - k^2 / 2), 1 for k = 0 and e^1.5 for k = 1."""
    q, k, v = (torch.tensor([[[a], [b]]], dtype=torch.float64) for a, b in ((5.0, -3.0), (0.0, 1.0), (2.0, 6.0)))
    extras = PerformerExtras(torch.tensor([[[2.0]]], dtype=torch.float64))
    out, (total, norm, top), _ = PERFORMER.naive(q, k, v, extras, None, CuSeqlens([0, 2]))
    e = math.exp(1.5)
    assert out.flatten().tolist() == pytest.approx([2, (2 + 6 * e) / (1 + e)], rel=1e-12)
    assert top.item() == pytest.approx(1.5)
    assert norm.item() == pytest.approx(1 / e + 1)
    assert total.item() == pytest.approx(2 / e + 6)


@pytest.mark.parametrize("scale", [10.0, 100.0])
def test_long_keys_do_not_overflow_or_vanish(scale: float) -> None:
    """Keys whose exponents differ by hundreds: plain features would be 0 or infinite, in float64 too."""
    shape, cu = HeadShape(4, 2, 16, 16), CuSeqlens.of_lengths([130, 3, 65])
    check(PERFORMER, make_inputs(PERFORMER, shape, cu, extras_of, scale=scale), cu)
    check(PERFORMER, make_inputs(PERFORMER, shape, cu, extras_of, scale=scale, carried=True), cu)
    wide = make_inputs(PERFORMER, shape, cu, extras_of, torch.float32, scale=scale)
    out, state, _ = PERFORMER.chunk(wide.q, wide.k, wide.v, wide.extras, None, cu)
    (out.sum() + sum(s.sum() for s in state or () if s.requires_grad)).backward()
    assert all(bool(torch.isfinite(t).all()) for t in (out, wide.q.grad, wide.k.grad, wide.v.grad))
    assert bool((out.abs() <= wide.v.abs().max() * 1.001).all())  # a weighted mean of values


def test_zeroed_memory_is_no_token_yet() -> None:
    cu, shape = CuSeqlens([0, 1, 2]), HeadShape(4, 2, 8, 6)
    inputs = make_inputs(PERFORMER, shape, cu, extras_of, scale=20.0)
    empty = zero_state(PERFORMER, shape, inputs.extras, 2, inputs.q)
    for form in (PERFORMER.naive, PERFORMER.chunk, PERFORMER.form("step")):
        first = form(inputs.q, inputs.k, inputs.v, inputs.extras, None, cu)
        again = form(inputs.q, inputs.k, inputs.v, inputs.extras, empty, cu)
        torch.testing.assert_close(first[:2], again[:2])


def test_one_sequence_of_many_begins_and_the_others_go_on() -> None:
    shape, cu = HeadShape(2, 1, 8, 8), CuSeqlens.of_lengths([70, 3])
    inputs = make_inputs(PERFORMER, shape, cu, extras_of, carried=True)
    assert inputs.state is not None
    begun = tuple(t.detach() * torch.tensor([0.0, 1.0]).view(2, *(1,) * (t.ndim - 1)) for t in inputs.state)
    for form in (PERFORMER.naive, PERFORMER.chunk):
        out, *_ = form(inputs.q, inputs.k, inputs.v, inputs.extras, begun, cu)
        first = (t[:, :70] for t in (inputs.q, inputs.k, inputs.v))
        alone, *_ = form(*first, inputs.extras, None, CuSeqlens([0, 70]))
        torch.testing.assert_close(out[:, :70], alone)


def test_half_precision_in_half_precision_out() -> None:
    inputs = make_inputs(PERFORMER, HeadShape(2, 2, 8, 8), CuSeqlens([0, 70]), extras_of, torch.bfloat16)
    out, state, _ = PERFORMER.chunk(inputs.q, inputs.k, inputs.v, inputs.extras, None, CuSeqlens([0, 70]))
    assert out.dtype == torch.bfloat16
    assert [s.dtype for s in state or ()] == [torch.float32] * 3


def test_slabs_are_whole_waves() -> None:
    found = slabs([3, 3, 2, 1, 1, 1], 4)
    assert [list(s.waves) for s in found] == [[(0, 3), (3, 6)], [(6, 8), (8, 9), (9, 10)], [(10, 11)]]
    assert [(here[1].start, sequences[1].stop) for here, sequences in found[1].each()] == [(0, 2), (2, 1), (3, 1)]


def estimates(w: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """[G]: phi(x) . phi(y) by each head's features."""
    x, y = (t / t.shape[-1] ** 0.25 for t in (x, y))
    exponent = w @ (x + y) - (x.square().sum() + y.square().sum()) / 2
    return exponent.exp().mean(-1)


def test_the_kernel_is_estimated_without_bias_and_better_with_orthogonal_features() -> None:
    """Mean of 20,000 draws within 4 standard errors (lemma 1); a lower variance than independent rows (theorem 2)."""
    generator = torch.Generator().manual_seed(3)
    x, y = torch.randn(2, 6, generator=generator, dtype=torch.float64).unbind()
    exact = math.exp(float(x @ y) / 6**0.5)
    drawn = estimates(orthogonal_features(20_000, 6, 6, 5, torch.float64), x, y)
    assert abs(float(drawn.mean()) - exact) < 4 * float(drawn.std()) / 20_000**0.5
    truncated = estimates(orthogonal_features(20_000, 8, 6, 6, torch.float64), x, y)
    assert abs(float(truncated.mean()) - exact) < 4 * float(truncated.std()) / 20_000**0.5
    independent = estimates(torch.randn(20_000, 6, 6, generator=generator, dtype=torch.float64), x, y)
    assert float(drawn.var()) < float(independent.var())


def test_the_error_against_softmax_falls_with_the_number_of_features() -> None:
    generator = torch.Generator().manual_seed(4)
    q, k, v = (torch.randn(8, 256, 16, generator=generator) for _ in range(3))
    q, k = q * 0.5, k * 0.5
    exact = scaled_dot_product_attention(q, k, v, is_causal=True)
    errors = []
    for m in (8, 32, 128, 512, 2048):
        out, *_ = PERFORMER.chunk(q, k, v, PerformerExtras(orthogonal_features(8, m, 16, m)), None, CuSeqlens([0, 256]))
        errors.append(float((out - exact).norm() / exact.norm()))
    assert all(b < 0.75 * a for a, b in pairwise(errors)), errors  # like 1 / sqrt(m): 0.5
    assert errors[-1] < 0.06


def test_features_come_in_orthogonal_blocks_and_by_their_seed() -> None:
    w = orthogonal_features(2, 20, 8, (7, 1, 2), torch.float64)
    assert w.shape == (2, 20, 8)
    for block in (w[:, :8], w[:, 8:16], w[:, 16:]):
        gram = block @ block.mT
        torch.testing.assert_close(gram, torch.diag_embed(gram.diagonal(dim1=-2, dim2=-1)), atol=1e-12, rtol=0)
    assert torch.equal(w, orthogonal_features(2, 20, 8, (7, 1, 2), torch.float64))
    assert not torch.equal(w, orthogonal_features(2, 20, 8, (7, 1, 3), torch.float64))
    assert not torch.equal(w[0], w[1])
    lengths = orthogonal_features(500, 8, 8, 0).square().sum(-1)  # chi squared of 8: mean 8, variance 16
    assert float(lengths.mean()) == pytest.approx(8, abs=0.3)
    assert float(lengths.var()) == pytest.approx(16, rel=0.15)
    with pytest.raises(ValueError, match="each is at least 1"):
        orthogonal_features(2, 0, 8, 0)


SHAPE = MixerShape(hidden=24, heads=4, kv_heads=2, head_dim=6, layer=3, layers=4, qk_norm=True)


def make_mixer(dtype: torch.dtype = torch.float64, shape: MixerShape = SHAPE, **settings: Any) -> PerformerMixer:
    torch.manual_seed(0)
    mixer = PerformerMixer(shape, PerformerSettings(**settings)).to(dtype)
    mixer.reset(0.02)
    return mixer


def test_a_layer_decodes_what_it_was_trained_on() -> None:
    mixer, lengths = make_mixer(), [70, 5]
    cu, generator = CuSeqlens.of_lengths(lengths), torch.Generator().manual_seed(5)
    hidden = torch.randn(75, 24, generator=generator, dtype=torch.float64)
    angle = torch.cat([torch.arange(n, dtype=torch.float64) for n in lengths])[:, None] * torch.tensor([1.0, 0.1, 0.01])
    cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
    whole, end, _ = mixer.mix(hidden, (cos, sin), None, cu)
    whole.square().sum().backward()
    for name, parameter in mixer.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        assert name == "features" or bool(parameter.grad.abs().sum() > 0), name
    state = None
    for position in range(5):
        at = torch.tensor([position, 70 + position])
        out, state, _ = mixer.mix(hidden[at], (cos[at], sin[at]), state, CuSeqlens([0, 1, 2]), form="step")
        torch.testing.assert_close(out, whole[at], atol=1e-12, rtol=1e-10)
    assert state is not None
    for a, b in zip(state, end or (), strict=True):
        torch.testing.assert_close(a[1], b[1])


def test_the_promised_size_is_the_states() -> None:
    for settings in ({}, {"features": 20}):
        shapes = make_mixer(**settings).state_shapes()
        assert SPEC.state_size is not None
        assert sum(math.prod(s) for s in shapes) == SPEC.state_size(4, 2, 6, PerformerSettings(**settings))


def test_features_are_drawn_anew_when_it_is_due() -> None:
    one, other = make_mixer(redraw_every=5), make_mixer(redraw_every=5)
    start = one.features.clone()
    one.learn_outside({}, 4)
    assert torch.equal(one.features, start)
    one.learn_outside({}, 5)
    other.learn_outside({}, 5)
    assert not torch.equal(one.features, start)
    assert torch.equal(one.features, other.features)
    one.learn_outside({}, 10)
    assert not torch.equal(one.features, other.features)
    never = make_mixer()
    never.learn_outside({}, 5)
    assert torch.equal(never.features, start)
    assert not torch.equal(make_mixer(seed=1).features, start)
    elsewhere = MixerShape(hidden=24, heads=4, kv_heads=2, head_dim=6, layer=2, layers=4)
    assert not torch.equal(make_mixer(shape=elsewhere).features, start)
    half = make_mixer(torch.bfloat16)
    assert torch.equal(half.features, start.bfloat16())


def test_a_state_is_carried_from_slab_to_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlhf.attention.kernels.performer.recurrence.CPU_SLAB", 1)
    check_carried(PERFORMER, HeadShape(4, 2, 8, 6), extras_of, [300, 200, 70], 66)


@pytest.mark.parametrize("bad", [{"features": 0}, {"redraw_every": -1}, {"seed": -1}, {"feature": 8}])
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PerformerSettings(**bad)
