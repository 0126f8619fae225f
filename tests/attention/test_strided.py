"""The strided pattern: the chunked form is the definition, for every relation of local window, stride and length."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rlhf.attention.contract import Extras, HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.softmax import KERNEL as SOFTMAX
from rlhf.attention.kernels.strided import KERNEL as STRIDED
from rlhf.attention.kernels.strided import StridedExtras, StridedMixer, extras_of
from rlhf.attention.kernels.strided.columns import columns_of
from rlhf.attention.mixers.base import MixerShape
from rlhf.attention.specs.sparse import STRIDED as SPEC
from rlhf.attention.specs.sparse import StridedSettings
from tests.attention.agreement import check, make_inputs
from tests.attention.largest import LargestTensor
from tests.attention.suite import KernelSuite

DOUBLE = torch.float64


class TestStrided(KernelSuite):
    kernel = STRIDED
    forms = ("chunk",)
    settings: ClassVar[StridedExtras] = StridedExtras(9, 4)

    @classmethod
    def extras(cls, generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return cls.settings


class TestStridedAsItIsByDefault(TestStrided):
    settings = extras_of(StridedSettings())


@settings(max_examples=40, deadline=None)
@given(
    local=st.integers(1, 200),
    stride=st.integers(1, 90),
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=3),
    repeats=st.integers(1, 2),
)
def test_any_window_and_stride(local: int, stride: int, lengths: list[int], repeats: int) -> None:
    shape, cu = HeadShape(repeats, 1, 4, 2), CuSeqlens.of_lengths(lengths)
    check(STRIDED, make_inputs(STRIDED, shape, cu, lambda *_: StridedExtras(local, stride)), cu, ("chunk",))


def seen(extras: StridedExtras, length: int, form: str) -> list[list[int]]:
    """What each token sees, read off the weights: with v = identity and q = 0 they are the output."""
    q = torch.zeros(1, length, 1, dtype=DOUBLE)
    out, *_ = STRIDED.form(form)(q, q, torch.eye(length, dtype=DOUBLE)[None], extras, None, CuSeqlens([0, length]))  # type: ignore[arg-type]
    return [row.nonzero().flatten().tolist() for row in out[0]]


@pytest.mark.parametrize("form", ["naive", "chunk"])
def test_the_pattern_worked_by_hand(form: str) -> None:
    """local 2, stride 3."""
    assert seen(StridedExtras(2, 3), 8, form) == [
        [0],
        [0, 1],
        [1, 2],
        [0, 2, 3],
        [1, 3, 4],
        [2, 4, 5],
        [0, 3, 5, 6],
        [1, 4, 6, 7],
    ]


def test_it_costs_local_plus_length_over_stride_keys_a_token() -> None:
    assert len(seen(StridedExtras(64, 64), 64 * 10, "chunk")[-1]) == 64 + 9


def test_a_window_as_long_as_the_sequence_or_a_stride_of_one_is_softmax() -> None:
    q, k, v = (torch.randn(2, 150, 4, dtype=DOUBLE) for _ in range(3))
    cu = CuSeqlens([0, 100, 150])
    whole, *_ = SOFTMAX.naive(q, k, v, Extras(), None, cu)
    for extras in (StridedExtras(100, 7), StridedExtras(1, 1), StridedExtras(70, 1)):
        out, *_ = STRIDED.chunk(q, k, v, extras, None, cu)
        torch.testing.assert_close(out, whole, rtol=1e-10, atol=1e-12)


def test_large_scores_do_not_overflow() -> None:
    q, k, v = (torch.randn(1, 200, 8) * 30 for _ in range(3))
    cu, extras = CuSeqlens([0, 200]), StridedExtras(5, 8)
    expected, *_ = STRIDED.naive(q.double(), k.double(), v.double(), extras, None, cu)
    found, *_ = STRIDED.chunk(q, k, v, extras, None, cu)
    torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-3)


def test_columns_hold_every_token_of_the_sequences_that_need_them_once() -> None:
    """Lengths 3 and 20, stride 4: the first sees nothing beyond 4 tokens; columns of 20 tokens hold 5 each."""
    like, extras = torch.zeros(()), StridedExtras(4, 4)
    (columns,) = columns_of(CuSeqlens.of_lengths([3, 20]), extras, 1, 1, 64, like)
    assert columns.token_P.tolist()[:6] == [3, 7, 11, 15, 19, 4]
    assert sorted(columns.token_P.tolist()) == list(range(3, 23))
    assert columns.chunks.layout.size == 8
    assert columns.missing_T is not None
    assert columns.missing_T.tolist() == [True] * 3 + [False] * 20
    assert columns_of(CuSeqlens.of_lengths([3, 4]), extras, 1, 1, 64, like) == []
    both = columns_of(CuSeqlens.of_lengths([20, 60]), extras, 1, 1, 64, like)
    assert [each.chunks.layout.size for each in both] == [8, 16]


def test_no_tensor_of_length_squared_is_made() -> None:
    """Forward and backward: at 4096 tokens nothing has more than a sixteenth of 4096 squared elements."""
    length = 4096
    x = torch.randn(1, length, 8, requires_grad=True)
    with LargestTensor() as made:
        STRIDED.chunk(x, x, x, extras_of(StridedSettings()), None, CuSeqlens([0, length]))[0].sum().backward()
    assert length * 8 <= made.elements <= length**2 // 16


def test_settings_out_of_range_are_refused() -> None:
    for bad in ({"local": 0}, {"stride": 1}, {"window": 3}):
        with pytest.raises(ValidationError):
            StridedSettings(**bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="found 0, 4"):
        StridedExtras(0, 4)


def test_the_spec_says_what_the_kernel_is() -> None:
    assert SPEC.kernel() is STRIDED
    assert SPEC.mixer() is StridedMixer
    assert (SPEC.engine, SPEC.state_size, STRIDED.state_shapes) == ("none", None, None)


def test_a_layer_computes_the_same_in_both_forms_and_every_parameter_learns() -> None:
    shape = MixerShape(hidden=12, heads=4, kv_heads=2, head_dim=6, layer=0, layers=1, qk_norm=True)
    layer = StridedMixer(shape, StridedSettings(local=3, stride=4)).double()
    layer.reset(0.02)
    cu = CuSeqlens.of_lengths([5, 17])
    hidden = torch.randn(22, 12, dtype=DOUBLE)
    angle = torch.cat([torch.arange(n, dtype=DOUBLE) for n in cu.lengths])[:, None] * torch.ones(6, dtype=DOUBLE) * 0.1
    rope = (angle.cos(), angle.sin())
    out, state, _ = layer.mix(hidden, rope, None, cu)
    expected, *_ = layer.mix(hidden, rope, None, cu, form="naive")
    assert state is None
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-12)
    out.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in layer.parameters())
