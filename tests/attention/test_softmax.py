"""Softmax attention: the fused form is the definition, over ragged packed sequences too."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from rlhf.attention.contract import Extras, HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.softmax import KERNEL as SOFTMAX
from rlhf.attention.kernels.softmax import extras_of, tiles
from rlhf.attention.kernels.softmax.chunk import buckets
from rlhf.attention.kernels.softmax.tiles import Group, attend, attend_backward
from rlhf.attention.kernels.softmax.union import attend_union
from rlhf.attention.spec import KernelSettings
from rlhf.attention.specs.sparse import SOFTMAX as SPEC
from tests.attention.suite import KernelSuite


class TestSoftmax(KernelSuite):
    kernel = SOFTMAX
    forms = ("chunk",)

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return Extras()


def test_two_tokens_worked_by_hand() -> None:
    """q_2 = 1, k = (0, 2), d = 1: weights 1 and e^2."""
    q, k, v = (torch.tensor([[[a], [b]]], dtype=torch.float64) for a, b in ((5, 1), (0, 2), (3, 7)))
    for form in (SOFTMAX.naive, SOFTMAX.chunk):
        out, state, _ = form(q, k, v, Extras(), None, CuSeqlens([0, 2]))
        assert state is None
        assert out.flatten().tolist() == pytest.approx([3, (3 + 7 * exp(2)) / (1 + exp(2))], rel=1e-14)


def test_naive_is_what_pytorch_computes() -> None:
    q, k, v = (torch.randn(3, 9, 4, dtype=torch.float64) for _ in range(3))
    out, *_ = SOFTMAX.naive(q, k, v, Extras(), None, CuSeqlens([0, 9]))
    torch.testing.assert_close(out, scaled_dot_product_attention(q, k, v, is_causal=True), rtol=1e-12, atol=1e-14)


def test_half_precision_comes_back_as_it_went_in_and_is_computed_in_float32() -> None:
    q, k, v = (torch.randn(2, 40, 8).bfloat16() for _ in range(3))
    out, *_ = SOFTMAX.chunk(q, k, v, Extras(), None, CuSeqlens([0, 13, 40]))
    exact, *_ = SOFTMAX.chunk(q.float(), k.float(), v.float(), Extras(), None, CuSeqlens([0, 13, 40]))
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out, exact.bfloat16(), rtol=0, atol=0)


def test_a_state_is_refused() -> None:
    x = torch.zeros(1, 1, 2)
    for form in (SOFTMAX.naive, SOFTMAX.chunk):
        with pytest.raises(ValueError, match="softmax has no state of constant size"):
            form(x, x, x, Extras(), (x,), CuSeqlens([0, 1]))
    with pytest.raises(ValueError, match="one token a time"):
        SOFTMAX.form("step")


def test_sequences_of_similar_length_share_a_bucket() -> None:
    assert buckets((3, 1000, 8, 970, 9, 1025)) == [[0, 2], [1, 3], [4], [5]]


def test_the_spec_says_what_the_kernel_is() -> None:
    assert SPEC.kernel() is SOFTMAX
    assert (SPEC.engine, SPEC.state_size, SOFTMAX.state_shapes) == ("paged", None, None)
    assert extras_of(KernelSettings()) == Extras()


def gradients(out: Tensor, weights: Tensor, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return torch.autograd.grad((out * weights).sum(), inputs)


@dataclass
class Half:
    """The keys [first, last) of one short sequence, for all queries; one query may be blind to them."""

    first: int
    last: int
    groups: list[Group]
    blind: int | None = None

    def queries(self, x_HTd: Tensor) -> Tensor:
        return x_HTd[:, None]

    def queries_back(self, x_GnAd: Tensor) -> Tensor:
        return x_GnAd[:, 0]

    def keys(self, x_GTd: Tensor) -> Tensor:
        return x_GTd[:, None, self.first : self.last]

    def keys_back(self, x_GmBd: Tensor) -> Tensor:
        return pad(x_GmBd[:, 0], (0, 0, self.first, 4 - self.last))

    log_sums = queries

    def answers(self, out_GnAe: Tensor, lse_GnA1: Tensor) -> list[tuple[Tensor, Tensor]]:
        if self.blind is not None:
            assert bool((out_GnAe[:, :, self.blind] == 0).all())
            assert bool((lse_GnA1[:, :, self.blind] == -torch.inf).all())
        return [(out_GnAe[:, 0], lse_GnA1[:, 0])]


def test_disjoint_keys_merge_to_all_keys() -> None:
    """Half of the keys each; the third query sees nothing of the second half."""
    q, k, v = (torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True) for _ in range(3))
    blind = torch.zeros(4, 2, dtype=torch.float64).index_fill_(0, torch.tensor(2), -torch.inf)
    parts = [Half(0, 2, [Group(0, 1, None, None)]), Half(2, 4, [Group(0, 1, None, blind)], blind=2)]
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[2, 2:] = False
    found, expected = attend_union(q, k, v, parts), scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    weights = torch.randn(expected.shape, dtype=torch.float64)
    for a, b in zip(gradients(found, weights, (q, k, v)), gradients(expected, weights, (q, k, v)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


def test_tiles_are_the_same_however_many_there_are_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v, g = (torch.randn(2, 5, 4, 3, dtype=torch.float64) for _ in range(4))
    groups = [Group(0, 2, None, None), Group(2, 5, torch.tensor([[0, 2], [4, 3], [1, 1]]), None)]

    def answers() -> tuple[Tensor, ...]:
        out, lse = attend(q, k, v, groups)
        return out, lse, *attend_backward(q, k, v, lse, g, (g * out).sum(-1, keepdim=True), groups)

    whole = answers()
    monkeypatch.setitem(tiles.SLAB, "cpu", 1)
    for a, b in zip(answers(), whole, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
