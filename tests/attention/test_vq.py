"""Transformer-VQ: its forms agree, it is dense attention over rounded keys, and its codebook follows the keys."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch.nn.functional import scaled_dot_product_attention

from rlhf.attention.contract import HeadShape, repeat_heads, zero_state
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.vq import KERNEL as VQ
from rlhf.attention.kernels.vq.ema import CodebookEma, in_two
from rlhf.attention.kernels.vq.extras import VqExtras, nearest
from rlhf.attention.kernels.vq.mixer import VqMixer
from rlhf.attention.kernels.vq.start import codebook_from_keys
from rlhf.attention.mixers.base import MixerShape
from rlhf.attention.specs.features import VQ as SPEC
from rlhf.attention.specs.features import VqSettings
from tests.attention.agreement import assert_close, at_tokens, check, check_carried, make_inputs, stepped
from tests.attention.suite import KernelSuite

F64 = torch.float64


def extras_of(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> VqExtras:
    """In float32 the codes are given: a key between two goes to either. The codebook's gradient must be nothing."""
    codebook = torch.randn(shape.kv_heads, 12, shape.key, generator=generator, dtype=F64)
    codes = torch.randint(12, (shape.kv_heads, tokens), generator=generator) if dtype == torch.float32 else None
    return VqExtras(codebook.to(dtype).requires_grad_(), codes)


class TestVq(KernelSuite):
    """Without `step`, whose blocks are of one token: its gradients are compared in the class below, and what it gives
    in `test_a_step_gives_what_blocks_give`."""

    kernel = VQ
    forms = ("chunk",)
    extras = staticmethod(extras_of)

    def test_a_carried_state_goes_on(self) -> None:
        for lengths in ([self.chunk + 3], [4, 2 * self.chunk, 1]):
            cu = CuSeqlens.of_lengths(lengths)
            check(VQ, make_inputs(VQ, self.shapes[1], cu, self.extras, carried=True), cu, self.forms)
        for cut in (1, self.chunk - 1, self.chunk):
            lengths = [cut + 1, cut + self.chunk, cut + 2 * self.chunk + 3]
            check_carried(VQ, self.shapes[1], self.extras, lengths, cut)


class TestVqInBlocksOfOneToken(KernelSuite):
    kernel = VQ
    chunk = 8

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return replace(extras_of(generator, shape, tokens, dtype), block=1)


class TestVqInManySlabs(TestVq):
    chunk = 16

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return replace(extras_of(generator, shape, tokens, dtype), block=16, scale=0.7)

    @pytest.fixture(autouse=True)
    def small_slabs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rlhf.attention.kernels.vq.attend.CPU_SLAB", 1)
        monkeypatch.setattr("rlhf.attention.kernels.vq.extras.NEAREST_TOKENS", 7)


def test_a_step_gives_what_blocks_give() -> None:
    cu, shape = CuSeqlens.of_lengths([3, 70, 64]), HeadShape(4, 2, 8, 6)
    inputs = make_inputs(VQ, shape, cu, extras_of, carried=True)
    with torch.no_grad():
        out, state, aux = VQ.chunk(inputs.q, inputs.k, inputs.v, inputs.extras, inputs.state, cu)
        again, end, losses = stepped(VQ, inputs, cu)
    assert_close(again, out, 1e-12, "out")
    assert_close(losses["commitment"], aux.loss_T["commitment"], 1e-12, "commitment")
    for a, b in zip(end or (), state or (), strict=True):
        assert_close(a, b, 1e-12, "state")


@pytest.mark.parametrize("form", ["naive", "chunk"])
def test_it_is_dense_attention_over_rounded_keys(form: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    shape, lengths = HeadShape(4, 2, 16, 8), [200, 64, 3]
    cu = CuSeqlens.of_lengths(lengths)
    inputs = make_inputs(VQ, shape, cu, extras_of)
    codebook = torch.randn(2, 24, 16, generator=generator, dtype=F64)
    out, *_ = VQ.form(form)(inputs.q, inputs.k, inputs.v, VqExtras(codebook), None, cu)
    distance = (inputs.k[:, :, None] - codebook[:, None]).square().sum(-1)
    rounded = torch.stack([codebook[g, distance[g].argmin(-1)] for g in range(2)])
    for span in cu.spans():
        q, k, v = inputs.q[:, span], *(repeat_heads(x[:, span], 4) for x in (rounded, inputs.v))
        exact = scaled_dot_product_attention(q, k, v, is_causal=True)
        torch.testing.assert_close(out[:, span], exact, rtol=1e-12, atol=1e-13)


def test_gradients_go_straight_through_inside_a_block_and_no_further() -> None:
    """Queries and values get dense attention's gradient; a key that of its rounded self, from its block alone."""
    cu, block, shape = CuSeqlens([0, 50]), 16, HeadShape(2, 2, 8, 8)
    inputs = make_inputs(VQ, shape, cu, extras_of)
    extras = replace(inputs.extras, block=block)
    out, _, aux = VQ.chunk(inputs.q, inputs.k, inputs.v, extras, None, cu)
    codes = nearest(inputs.k, extras.codebook_Gcd)
    rounded = torch.stack([extras.codebook_Gcd[g, codes[g]] for g in range(2)]).detach().requires_grad_()
    dense = scaled_dot_product_attention(inputs.q, rounded, inputs.v, is_causal=True)
    weigh = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=F64)
    for at in (slice(0, 16), slice(32, 48), slice(48, 50)):
        found = torch.autograd.grad((out * weigh)[:, at].sum(), (inputs.q, inputs.k, inputs.v), retain_graph=True)
        exact = torch.autograd.grad((dense * weigh)[:, at].sum(), (inputs.q, rounded, inputs.v), retain_graph=True)
        torch.testing.assert_close(found[0], exact[0])
        torch.testing.assert_close(found[2], exact[2])
        torch.testing.assert_close(found[1][:, at], exact[1][:, at])
        assert not found[1][:, : at.start].any()
    (commit,) = torch.autograd.grad(aux.loss_T["commitment"].sum(), inputs.k)
    torch.testing.assert_close(commit, 2 * (inputs.k - rounded) / 2)  # |k - C|^2, the mean of two heads


def test_three_tokens_worked_by_hand() -> None:
    """Codes -1 and 1; keys 0.5, -3, 2 become 1, -1, 1. With e^q = 2 their weights are 2, 1/2, 2."""
    q = torch.full((1, 3, 1), math.log(2), dtype=F64)
    k, v = torch.tensor([[[0.5], [-3.0], [2.0]]], dtype=F64), torch.tensor([[[3.0], [8.0], [6.0]]], dtype=F64)
    extras = VqExtras(torch.tensor([[[-1.0], [1.0]]], dtype=F64), scale=1.0)
    out, (total, number), aux = VQ.naive(q, k, v, extras, None, CuSeqlens([0, 3]))
    assert out.flatten().tolist() == pytest.approx([3, (6 + 4) / 2.5, (6 + 4 + 12) / 4.5], rel=1e-12)
    assert total.flatten().tolist() == [8, 9]
    assert number.flatten().tolist() == [1, 2]
    assert aux.loss_T["commitment"].tolist() == [0.25, 4, 1]
    assert aux.statistics["count_Gc"].tolist() == [[1, 2]]
    assert aux.statistics["sum_Gcd"].tolist() == [[[-3], [2.5]]]


def test_statistics_add_up_over_forms_and_take_no_gradient() -> None:
    cu, shape = CuSeqlens.of_lengths([70, 9]), HeadShape(4, 2, 8, 6)
    inputs = make_inputs(VQ, shape, cu, extras_of)
    whole = VQ.naive(inputs.q, inputs.k, inputs.v, inputs.extras, None, cu)[2].statistics
    assert int(whole["count_Gc"].sum()) == 2 * 79
    sums: dict[str, torch.Tensor] = {}
    for part in (torch.arange(40), torch.arange(40, 79)):
        q, k, v = (t.index_select(1, part) for t in (inputs.q, inputs.k, inputs.v))
        aux = VQ.chunk(q, k, v, at_tokens(inputs.extras, part), None, CuSeqlens([0, len(part)]))[2]
        sums = {name: sums.get(name, 0) + t for name, t in aux.statistics.items()}
    for name, t in whole.items():
        assert not t.requires_grad
        torch.testing.assert_close(sums[name], t)


def test_zeroed_memory_is_no_token_yet() -> None:
    cu, shape = CuSeqlens([0, 1, 2]), HeadShape(4, 2, 8, 6)
    inputs = make_inputs(VQ, shape, cu, extras_of)
    empty = zero_state(VQ, shape, inputs.extras, 2, inputs.q)
    for form in (VQ.naive, VQ.chunk, VQ.form("step")):
        first = form(inputs.q, inputs.k, inputs.v, inputs.extras, None, cu)
        again = form(inputs.q, inputs.k, inputs.v, inputs.extras, empty, cu)
        torch.testing.assert_close(first[:2], again[:2])


def test_large_scores_do_not_overflow() -> None:
    cu, shape = CuSeqlens.of_lengths([130, 3]), HeadShape(2, 1, 8, 8)
    inputs = make_inputs(VQ, shape, cu, extras_of, torch.float32, scale=1000.0)
    out, *_ = VQ.chunk(inputs.q, inputs.k, inputs.v, inputs.extras, None, cu)
    out.sum().backward()
    assert all(bool(torch.isfinite(t).all()) for t in (out, inputs.q.grad, inputs.k.grad, inputs.v.grad))


def test_half_precision_in_half_precision_out() -> None:
    inputs = make_inputs(VQ, HeadShape(2, 2, 8, 8), CuSeqlens([0, 70]), extras_of, torch.bfloat16)
    out, state, aux = VQ.chunk(inputs.q, inputs.k, inputs.v, inputs.extras, None, CuSeqlens([0, 70]))
    assert out.dtype == torch.bfloat16
    assert {s.dtype for s in (*(state or ()), *aux.loss_T.values(), *aux.statistics.values())} == {torch.float32}


# -- the codebook's moving average ----------------------------------------------------------------------------


def statistics_of(keys_GTd: torch.Tensor, codebook_Gcd: torch.Tensor) -> dict[str, torch.Tensor]:
    shape, tokens = HeadShape(1, 1, keys_GTd.shape[-1], 1), keys_GTd.shape[1]
    assert keys_GTd.shape[0] == shape.kv_heads
    q, v = torch.zeros_like(keys_GTd), torch.zeros_like(keys_GTd[..., :1])
    return dict(VQ.chunk(q, keys_GTd, v, VqExtras(codebook_Gcd), None, CuSeqlens([0, tokens]))[2].statistics)


def test_an_update_worked_by_hand() -> None:
    """Code 0 held 4 keys at 1 and gets 6 whose sum is 12; code 1 held 4 and gets none: it stays, and its count falls."""
    ema = CodebookEma(decay=0.5, smoothing=0.0, revive_below=0.0)
    codebook, counts = torch.tensor([[[1.0], [-1.0]]]), torch.tensor([[4.0, 4.0]])
    added = {"count_Gc": torch.tensor([[6.0, 0.0]]), "sum_Gcd": torch.tensor([[[12.0], [0.0]]])}
    moved, counted = ema.update(codebook, counts, added, [0])
    assert counted.tolist() == [[5, 2]]
    assert moved.flatten().tolist() == pytest.approx([(2 + 6) / 5, -1])
    assert (codebook.tolist(), counts.tolist()) == ([[[1], [-1]]], [[4, 4]])


def test_the_first_keys_decide_where_a_code_goes() -> None:
    codebook, sums = torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(0)).unbind()
    added = {"count_Gc": torch.tensor([[5.0, 2.0, 0.0]]), "sum_Gcd": sums}
    moved, _ = CodebookEma(revive_below=0.0).update(codebook, torch.zeros(1, 3), added, [0])
    torch.testing.assert_close(moved[0, :2], added["sum_Gcd"][0, :2] / torch.tensor([[5.0], [2.0]]), rtol=1e-2, atol=0)
    assert torch.equal(moved[0, 2], codebook[0, 2])
    still, counts = CodebookEma().update(codebook, torch.zeros(1, 3), {n: 0 * t for n, t in added.items()}, [0])
    assert torch.equal(still, codebook)
    assert not counts.any()


def test_sums_need_not_be_kept() -> None:
    """Against accumulators of counts and sums, over many updates with Laplace smoothing."""
    generator = torch.Generator().manual_seed(1)
    ema = CodebookEma(decay=0.9, smoothing=0.1, revive_below=0.0)
    codebook, counts = torch.randn(1, 5, 3, generator=generator, dtype=F64), torch.zeros(1, 5, dtype=F64)
    n, total = torch.zeros(1, 5, dtype=F64), torch.zeros(1, 5, 3, dtype=F64)
    for _ in range(30):
        added = {
            "count_Gc": torch.randint(1, 9, (1, 5), generator=generator).to(F64),
            "sum_Gcd": torch.randn(1, 5, 3, generator=generator, dtype=F64),
        }
        codebook, counts = ema.update(codebook, counts, added, [0])
        n, total = 0.9 * n + 0.1 * added["count_Gc"], 0.9 * total + 0.1 * added["sum_Gcd"]
        smoothed = (n + 0.1) / (n.sum() + 0.5) * n.sum()
        torch.testing.assert_close(codebook, total / smoothed[..., None])


def test_rare_codes_take_half_of_what_frequent_ones_have() -> None:
    codebook = torch.arange(24, dtype=torch.float32).view(1, 6, 4) + 1
    counts = torch.tensor([[100.0, 0.0, 40.0, 0.1, 30.0, 30.0]])
    nothing = {"count_Gc": torch.zeros(1, 6), "sum_Gcd": torch.zeros(1, 6, 4)}
    ema = CodebookEma(decay=1.0, revive_below=0.05)
    moved, counted = ema.update(codebook, counts, nothing, (1, 2, 3))
    assert counted.tolist() == [[50, 50, 20, 20, 30, 30]]
    torch.testing.assert_close((moved[0, 0] + moved[0, 1]) / 2, codebook[0, 0])
    torch.testing.assert_close((moved[0, 2] + moved[0, 3]) / 2, codebook[0, 2])
    assert not torch.equal(moved[0, 0], moved[0, 1])
    assert torch.equal(moved[0, 4:], codebook[0, 4:])
    assert torch.equal(moved, ema.update(codebook, counts, nothing, (1, 2, 3))[0])
    assert not torch.equal(moved, ema.update(codebook, counts, nothing, (1, 2, 4))[0])
    assert ema.update(moved, counted, nothing, (5,))[1].tolist() == counted.tolist()


def test_a_codebook_finds_the_clusters_of_the_keys() -> None:
    """From a start far away; without the moves of rare codes most would never get a key."""
    generator = torch.Generator().manual_seed(2)
    centres = torch.randn(8, 6, generator=generator) * 4 + 10
    codebook, counts, ema = torch.randn(1, 8, 6, generator=generator), torch.zeros(1, 8), CodebookEma(decay=0.8)
    for update in range(80):
        keys = centres[torch.randint(8, (400,), generator=generator)] + 0.1 * torch.randn(400, 6, generator=generator)
        codebook, counts = ema.update(codebook, counts, statistics_of(keys[None], codebook), (0, update))
    nearest_centre = (codebook[0][:, None] - centres[None]).norm(dim=-1)
    assert float(nearest_centre.min(0).values.max()) < 0.2


def test_two_halves_hold_what_one_rounds_away() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    main, rest = in_two(x, torch.bfloat16)
    assert main.dtype == rest.dtype == torch.bfloat16
    torch.testing.assert_close(main.float() + rest.float(), x, rtol=2**-16, atol=0)
    assert float((main.float() - x).abs().div(x.abs()).max()) > 1e-3


def test_a_start_from_keys_is_nearer_to_them_than_a_draw() -> None:
    generator = torch.Generator().manual_seed(3)
    centres = torch.randn(2, 16, 5, generator=generator, dtype=F64) * 5
    keys = centres.repeat(1, 20, 1) + 0.01 * torch.randn(2, 320, 5, generator=generator, dtype=F64)
    found = codebook_from_keys(keys, 16, 0)
    assert found.dtype == F64
    distance = torch.cdist(keys, found).min(-1).values.max()
    assert float(distance) < 0.1
    assert torch.equal(found, codebook_from_keys(keys, 16, 0))
    assert not torch.equal(found, codebook_from_keys(keys, 16, 1))
    assert codebook_from_keys(torch.ones(1, 5, 2), 3, 0).shape == (1, 3, 2)  # keys that are all the same
    with pytest.raises(ValueError, match="16 codes want at least as many keys"):
        codebook_from_keys(keys[:, :15], 16, 0)


# -- a layer --------------------------------------------------------------------------------------------------

SHAPE = MixerShape(hidden=24, heads=4, kv_heads=2, head_dim=6, layer=3, layers=4, qk_norm=True)


def make_mixer(dtype: torch.dtype = F64, shape: MixerShape = SHAPE, **settings: Any) -> VqMixer:
    torch.manual_seed(0)
    mixer = VqMixer(shape, VqSettings(**{"codes": 10, **settings})).to(dtype)
    mixer.reset(0.02)
    return mixer


def rope_of(lengths: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    angle = torch.cat([torch.arange(n, dtype=F64) for n in lengths])[:, None] * torch.tensor([1.0, 0.1, 0.01])
    return torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)


def test_a_layer_decodes_what_it_was_trained_on() -> None:
    mixer, lengths = make_mixer(), [70, 5]
    cu, (cos, sin) = CuSeqlens.of_lengths(lengths), rope_of(lengths)
    hidden = torch.randn(75, 24, generator=torch.Generator().manual_seed(5), dtype=F64)
    whole, end, aux = mixer.mix(hidden, (cos, sin), None, cu)
    (whole.square().sum() + mixer.aux_weights()["commitment"] * aux.loss_T["commitment"].sum()).backward()
    for name, parameter in mixer.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        assert not parameter.requires_grad or bool(parameter.grad.abs().sum() > 0), name
    assert {n for n, p in mixer.named_parameters() if not p.requires_grad} == {
        "codebook",
        "codebook_rest",
        "codebook_counts",
    }
    state = None
    for position in range(5):
        at = torch.tensor([position, 70 + position])
        out, state, _ = mixer.mix(hidden[at], (cos[at], sin[at]), state, CuSeqlens([0, 1, 2]), form="step")
        torch.testing.assert_close(out, whole[at], atol=1e-12, rtol=1e-10)
    assert state is not None
    for a, b in zip(state, end or (), strict=True):
        torch.testing.assert_close(a[1], b[1])


def test_a_layer_says_what_it_wants_to_learn_from() -> None:
    mixer, cu = make_mixer(), CuSeqlens([0, 9])
    *_, aux = mixer.mix(torch.randn(9, 24, dtype=F64), rope_of([9]), None, cu)
    assert {name: tuple(t.shape) for name, t in aux.statistics.items()} == mixer.statistics()
    assert set(mixer.aux_weights()) == set(aux.loss_T)
    assert make_mixer(commitment=0.25).aux_weights() == {"commitment": 0.25}


def learn(mixer: VqMixer, updates: int) -> None:
    """From keys that wander off slowly."""
    generator = torch.Generator().manual_seed(6)
    for update in range(updates):
        keys = torch.randn(2, 300, 6, generator=generator) + 0.01 * update
        codes = nearest(keys, mixer.codebook.float())
        count = torch.nn.functional.one_hot(codes, 10).float()
        mixer.learn_outside({"count_Gc": count.sum(1), "sum_Gcd": count.mT @ keys}, update)


def test_a_codebook_of_half_precision_moves_as_one_of_full() -> None:
    """A step of 1% of the way is less than bfloat16 resolves; `codebook_rest` holds it."""
    mixers = {dtype: make_mixer(dtype) for dtype in (torch.float32, torch.bfloat16)}
    start = mixers[torch.float32].codebook.clone()
    for mixer in mixers.values():
        with torch.no_grad():
            mixer.codebook.copy_(start.bfloat16())
        learn(mixer, 100)
    full, half = (mixers[d].codebook for d in (torch.float32, torch.bfloat16))
    moved = float((full - start).abs().mean())
    assert float((half.float() - full).abs().mean()) < 0.02 * moved
    counts = [mixers[d].codebook_counts.float().sum(0) for d in (torch.float32, torch.bfloat16)]
    torch.testing.assert_close(counts[1], counts[0], rtol=0.02, atol=0.02)
    assert not mixers[torch.float32].codebook_rest.any()


def test_the_average_survives_a_checkpoint() -> None:
    one, other = make_mixer(torch.bfloat16), make_mixer(torch.bfloat16)
    learn(one, 5)
    other.load_state_dict(one.state_dict())
    for mixer in (one, other):
        learn(mixer, 3)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_codebook_can_start_from_keys() -> None:
    mixer, keys = make_mixer(torch.bfloat16), torch.randn(2, 200, 6) + 30
    learn(mixer, 2)
    mixer.start_from_keys(keys)
    whole = mixer.codebook.float() + mixer.codebook_rest.float()
    torch.testing.assert_close(whole, codebook_from_keys(keys, 10, (0, 3)), rtol=1e-4, atol=0)
    assert not mixer.codebook_counts.any()


def test_random_codes_are_as_long_as_new_keys() -> None:
    assert float(make_mixer(codes=500).codebook.std()) == pytest.approx(1, rel=0.05)
    plain = MixerShape(hidden=24, heads=4, kv_heads=2, head_dim=6, layer=3, layers=4)
    assert float(make_mixer(shape=plain, codes=500).codebook.std()) == pytest.approx(0.02 * 24**0.5, rel=0.05)


def test_the_promised_size_is_the_states() -> None:
    assert SPEC.state_size is not None
    for codes in (10, 33):
        shapes = make_mixer(codes=codes).state_shapes()
        assert sum(math.prod(s) for s in shapes) == SPEC.state_size(4, 2, 6, VqSettings(codes=codes))


@pytest.mark.parametrize(
    "bad",
    [
        {"codes": 1},
        {"block": 0},
        {"commitment": -1.0},
        {"ema_decay": 1.0},
        {"revive_below": 0.5},
        {"seed": -1},
        {"n": 2},
    ],
)
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VqSettings(**bad)
