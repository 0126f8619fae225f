"""The gated delta rule: its forms agree, with its definition, with transformers' own, and with its matrix form."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import normalize
from transformers.models.qwen3_next import modeling_qwen3_next as qwen3_next
from transformers.models.qwen3_next.configuration_qwen3_next import Qwen3NextConfig

from rlhf.attention.contract import HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gated_delta import KERNEL, MIXER
from rlhf.attention.kernels.gated_delta.decay import decay_pairs
from rlhf.attention.kernels.gated_delta.extras import GatedDeltaExtras
from rlhf.attention.specs.gated import GATED_DELTA, GatedDeltaSettings
from tests.attention.agreement import Inputs, MakeExtras, check, make_inputs
from tests.attention.suite import KernelSuite
from tests.attention.test_gla import check_decoding, check_names, check_zeroed, gates, make_mixer, rope_of

SHAPE = HeadShape(4, 2, 8, 6)


def extras_of(kind: str, largest_beta: float = 1.0) -> MakeExtras:
    def make(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> GatedDeltaExtras:
        log_decay = gates(kind, (shape.kv_heads, tokens), generator)
        beta = torch.rand(shape.kv_heads, tokens, generator=generator, dtype=torch.float64) * largest_beta
        return GatedDeltaExtras(log_decay.to(dtype).requires_grad_(), beta.to(dtype).requires_grad_())

    return make


def with_unit_keys(x: Inputs) -> Inputs:
    return replace(x, k=normalize(x.k.detach(), dim=-1).requires_grad_())


class TestGatedDelta(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        """Keys are any here, so beta is small enough for 1 - beta k . k to stay near [-1, 1]."""
        made = extras_of("mild", 0.1)(generator, shape, tokens, dtype)
        hostile = torch.rand(1, tokens, generator=generator) < 0.05
        return replace(made, log_decay_GT=made.log_decay_GT.detach().masked_fill(hostile, -50.0).requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", ["mild", "harsh", "hostile", "shut", "open"])
def test_any_decay_agrees(kind: str, dtype: torch.dtype) -> None:
    for lengths, carried in (([130], True), ([3, 64, 1, 127], False)):
        cu = CuSeqlens.of_lengths(lengths)
        check(KERNEL, with_unit_keys(make_inputs(KERNEL, SHAPE, cu, extras_of(kind, 0.1), dtype, carried=carried)), cu)
        if not carried:
            check(KERNEL, with_unit_keys(make_inputs(KERNEL, SHAPE, cu, extras_of(kind), dtype)), cu)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_one_key_over_and_over_is_replaced_every_time(dtype: torch.dtype) -> None:
    """beta 1 and no decay: the state holds the last value at the key, whatever came before."""
    cu = CuSeqlens([0, 200])
    x = make_inputs(KERNEL, SHAPE, cu, extras_of("mild"), dtype)
    key = normalize(torch.randn(2, 1, 8, dtype=dtype), dim=-1).expand(2, 200, 8)
    extras = GatedDeltaExtras(torch.zeros(2, 200, dtype=dtype), torch.ones(2, 200, dtype=dtype), scale=1.0)
    for form in (KERNEL.naive, KERNEL.chunk):
        out, (state,), _ = form(key.repeat_interleave(2, 0), key, x.v, extras, None, cu)
        torch.testing.assert_close(out, x.v.repeat_interleave(2, 0), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(state[0], key[:, 0, :, None] * x.v[:, -1, None], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "factor", "tolerance"), [("hostile", 1.0, 1e-5), ("shut", 0.25, 1e-9)])
def test_decays_between_tokens_lose_nothing_to_long_sums(kind: str, factor: float, tolerance: float) -> None:
    """In float32 and their gradient, against float64: a short distance beside strong decays, and the diagonal."""
    generator = torch.Generator().manual_seed(0)
    log_decay = gates(kind, (1, 1, 64), generator) * factor
    ones, weights = torch.ones(1, 1, 64, 64).double(), torch.randn(3, 1, 1, 64, 64, generator=generator).double()
    answers = []
    for dtype in (torch.float32, torch.float64):
        x, pairs = log_decay.to(dtype).requires_grad_(), ones.to(dtype)
        scores, lower, until = decay_pairs(pairs, pairs, x)
        torch.testing.assert_close(scores, lower, rtol=0, atol=0)
        weighed = [part * w.to(dtype) for part, w in zip((scores, lower, until), weights, strict=True)]
        sum(part.sum() for part in weighed).backward()
        assert x.grad is not None
        answers.append((torch.cat([scores, until[:, :, None]], 2).detach().double(), x.grad.double()))
    torch.testing.assert_close(answers[0][0], answers[1][0], rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(answers[0][1], answers[1][1], rtol=1e-4, atol=tolerance)


def test_eight_chunks_of_the_strongest_decay_leave_gradients_finite() -> None:
    cu = CuSeqlens([0, 513])
    x = with_unit_keys(make_inputs(KERNEL, SHAPE, cu, extras_of("mild"), torch.float32))
    log_decay = torch.full((2, 513), -50.0).requires_grad_()
    out, (state,), _ = KERNEL.chunk(x.q, x.k, x.v, replace(x.extras, log_decay_GT=log_decay), None, cu)
    (out.square().sum() + state.sum()).backward()
    for t in (out, state, x.q.grad, x.k.grad, x.v.grad, x.extras.beta_GT.grad, log_decay.grad):
        assert t is not None
        assert bool(torch.isfinite(t).all())


def test_two_tokens_worked_by_hand() -> None:
    """d = 2, e = 1, scale 1. S_1 = 1/2 (1, 0)^T 8 = (4, 0)^T. At k_2 = (0.6, 0.8) half of S_1, (2, 0), holds 1.2, so

    S_2 = (2, 0)^T + 1/2 (0.6, 0.8)^T (11.2 - 1.2) = (5, 4)^T.
    """

    def row(*tokens: Any) -> Tensor:
        return torch.tensor([tokens], dtype=torch.float64)

    q, k, v = row([1, 1], [2, 3]), row([1, 0], [0.6, 0.8]), row([8], [11.2])
    extras = GatedDeltaExtras(row(0.3, 0.5).log(), row(0.5, 0.5), scale=1.0)
    for form in (KERNEL.naive, KERNEL.chunk):
        out, (state,), _ = form(q, k, v, extras, None, CuSeqlens([0, 2]))
        assert out.flatten().tolist() == pytest.approx([4, 22])
        assert state.flatten().tolist() == pytest.approx([5, 4])


def test_the_recurrence_is_attention_with_a_matrix() -> None:
    """out_t = sum_{j <= t} w_tj v_j, w_tj = scale q_t a_t (I - b_t k_t k_t^T) ... a_{j+1} (I - b_{j+1} ...) b_j k_j."""
    cu, shape = CuSeqlens([0, 14]), HeadShape(1, 1, 3, 5)
    x = with_unit_keys(make_inputs(KERNEL, shape, cu, extras_of("harsh")))
    (q,), (k,), (v,) = x.q.detach(), x.k.detach(), x.v.detach()
    (a,), (b,) = x.extras.log_decay_GT.detach().exp(), x.extras.beta_GT.detach()
    weights = torch.zeros(14, 14, dtype=torch.float64)
    for t in range(14):
        back = q[t] * 3**-0.5
        for j in range(t, -1, -1):
            weights[t, j] = b[j] * back @ k[j]
            back = a[j] * (back - b[j] * (back @ k[j]) * k[j])
    for form in (KERNEL.naive, KERNEL.chunk):
        out, *_ = form(x.q, x.k, x.v, x.extras, None, cu)
        torch.testing.assert_close(out[0].detach(), weights @ v, rtol=1e-10, atol=1e-14)


def test_without_beta_nothing_is_written_and_without_memory_only_the_last_is_read() -> None:
    cu = CuSeqlens([0, 100])
    x = with_unit_keys(make_inputs(KERNEL, SHAPE, cu, extras_of("mild")))
    none, *_ = KERNEL.chunk(x.q, x.k, x.v, replace(x.extras, beta_GT=torch.zeros(2, 100).double()), None, cu)
    assert not bool(none.any())
    forgetful = GatedDeltaExtras(torch.full((2, 100), -500.0).double(), torch.ones(2, 100).double())
    out, *_ = KERNEL.chunk(x.q, x.k, x.v, forgetful, None, cu)
    k, v = (t.repeat_interleave(2, 0) for t in (x.k, x.v))
    torch.testing.assert_close(out, (x.q * k).sum(-1, keepdim=True) * v * 8**-0.5, rtol=1e-10, atol=1e-14)


def test_zeroed_memory_is_no_token_yet() -> None:
    check_zeroed(KERNEL, make_inputs(KERNEL, SHAPE, CuSeqlens.of_lengths([5, 70]), extras_of("mild", 0.1)))


# -- against transformers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["naive", "chunk"])
@pytest.mark.parametrize("oracle", ["torch_chunk_gated_delta_rule", "torch_recurrent_gated_delta_rule"])
def test_values_are_those_of_transformers(oracle: str, form: Any) -> None:
    cu, shape = CuSeqlens([0, 150]), HeadShape(2, 2, 8, 6)
    x = with_unit_keys(make_inputs(KERNEL, shape, cu, extras_of("mild"), torch.float32))
    initial = torch.randn(1, 2, 8, 6)
    out, (state,), _ = KERNEL.form(form)(x.q, x.k, x.v, x.extras, (initial,), cu)
    batch = [t.detach().transpose(0, 1)[None] for t in (x.q, x.k, x.v, x.extras.log_decay_GT, x.extras.beta_GT)]
    theirs, their_state = getattr(qwen3_next, oracle)(*batch, initial_state=initial, output_final_state=True)
    torch.testing.assert_close(out, theirs[0].transpose(0, 1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state, their_state, rtol=1e-5, atol=1e-5)


def test_a_layer_with_the_weights_of_qwen3_next_is_its_layer() -> None:
    heads, size, hidden = 2, 6, 12
    config = Qwen3NextConfig(
        hidden_size=hidden,
        linear_num_value_heads=heads,
        linear_num_key_heads=heads,
        linear_key_head_dim=size,
        linear_value_head_dim=size,
        linear_conv_kernel_dim=4,
        num_hidden_layers=1,
        layer_types=["linear_attention"],
    )
    torch.manual_seed(1)
    theirs = qwen3_next.Qwen3NextGatedDeltaNet(config, 0)
    ours = make_mixer(MIXER, GatedDeltaSettings(), heads=heads, kv_heads=heads, qk_norm=False).float()
    q, k, v, z = theirs.in_proj_qkvz.weight.data.view(heads, 4, size, hidden).unbind(1)
    b, a = theirs.in_proj_ba.weight.data.view(heads, 2, hidden).unbind(1)
    weights = {
        "q_proj.weight": q.flatten(0, 1),
        "k_proj.weight": k.flatten(0, 1),
        "v_proj.weight": v.flatten(0, 1),
        "o_proj.weight": theirs.out_proj.weight.data,
        "conv.weight": theirs.conv1d.weight.data[:, 0],
        "beta_in.weight": b,
        "decay_in.weight": a,
        "A_log": theirs.A_log.data,
        "dt_bias": theirs.dt_bias.data,
        "output.norm.weight": theirs.norm.weight.data,
        "output.gate.weight": z.flatten(0, 1),
        "output.gate.bias": torch.zeros(heads * size),
    }
    biases = {name: torch.zeros_like(p) for name, p in ours.named_parameters() if name.endswith("proj.bias")}
    ours.load_state_dict(weights | biases)
    x = torch.randn(90, hidden)
    out, *_ = ours.mix(x, rope_of([90], size), None, CuSeqlens([0, 90]))
    torch.testing.assert_close(out, theirs(x[None])[0], rtol=1e-4, atol=1e-5)


# -- the layer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", [{}, {"conv": 0, "activation": "none", "rope": "inputs"}, {"conv": 2, "rope": "inputs"}]
)
def test_a_layer_decodes_what_it_was_trained_on(settings: dict[str, Any]) -> None:
    mixer = make_mixer(MIXER, GatedDeltaSettings(**settings))
    check_decoding(mixer)
    check_names(mixer)
    size = sum(torch.Size(s).numel() for s in mixer.state_shapes())
    assert GATED_DELTA.state_size is not None
    assert GATED_DELTA.state_size(4, 2, 6, mixer.settings) == size
    assert (GATED_DELTA.kernel(), GATED_DELTA.mixer()) == (KERNEL, MIXER)


def test_a_layer_begins_with_decays_near_one_and_keys_of_length_one() -> None:
    mixer = make_mixer(MIXER, GatedDeltaSettings(), std=0.0)
    hidden = torch.randn(3, 12, dtype=torch.float64)
    made = mixer.project(hidden, rope_of([3], 6), None, CuSeqlens([0, 3]))
    torch.testing.assert_close(made.k_GTd.norm(dim=-1), torch.ones(2, 3).double(), rtol=0, atol=1e-4)
    decay = made.extras.log_decay_GT[:, 0].tolist()
    assert decay == pytest.approx([-1 / 64, -1 / 4096], rel=1e-4)
    assert made.extras.beta_GT.flatten().tolist() == pytest.approx([0.5] * 6)
    assert math.isclose(float(mixer.conv.weight.detach().sum()), mixer.conv.weight.shape[0])


def test_bfloat16_layers_give_bfloat16_and_keep_their_gates_in_float32() -> None:
    mixer = make_mixer(MIXER, GatedDeltaSettings()).bfloat16()
    cu, rope = CuSeqlens([0, 9]), rope_of([9], 6)
    hidden = torch.randn(9, 12).bfloat16()
    out, state, _ = mixer.mix(hidden, rope, None, cu)
    assert out.dtype is torch.bfloat16
    assert {s.dtype for s in state} == {torch.float32}
    assert mixer.extras(hidden, rope).log_decay_GT.dtype is torch.float32


@pytest.mark.parametrize("bad", [{"conv": 1}, {"conv": -1}, {"activation": "relu"}, {"rope": "features"}, {"taps": 4}])
def test_bad_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GatedDeltaSettings(**bad)
