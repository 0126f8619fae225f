"""Block-sparse attention: the choice is the paper's, and the tiled form is the definition."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, map_tensors
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_sparse import KERNEL as BLOCK_SPARSE
from rlhf.attention.kernels.block_sparse import BlockSparseExtras, BlockSparseMixer, choose_blocks, extras_of
from rlhf.attention.kernels.block_sparse.choice import best
from rlhf.attention.kernels.block_sparse.tiling import tiling
from rlhf.attention.kernels.softmax import KERNEL as SOFTMAX
from rlhf.attention.mixers.base import MixerShape
from rlhf.attention.specs.sparse import BLOCK_SPARSE as SPEC
from rlhf.attention.specs.sparse import BlockSparseSettings
from tests.attention.agreement import check, make_inputs
from tests.attention.largest import LargestTensor
from tests.attention.suite import KernelSuite

DOUBLE = torch.float64


class TestBlockSparse(KernelSuite):
    kernel = BLOCK_SPARSE
    chunk = 16
    forms = ("chunk",)

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return BlockSparseExtras(16, 2)


class TestBlockSparseAsItIsByDefault(KernelSuite):
    kernel = BLOCK_SPARSE
    forms = ("chunk",)

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return extras_of(BlockSparseSettings())

    def lengths(self) -> list[list[int]]:
        return [[64 * 5 + 3], [64, 64 * 4 - 1, 1, 64 * 5 + 1]]


@settings(max_examples=40, deadline=None)
@given(
    block=st.integers(1, 40),
    topk=st.integers(1, 5),
    lengths=st.lists(st.integers(1, 200), min_size=1, max_size=3),
    repeats=st.integers(1, 2),
    groups=st.integers(1, 2),
)
def test_any_block_and_number(block: int, topk: int, lengths: list[int], repeats: int, groups: int) -> None:
    shape, cu = HeadShape(repeats * groups, groups, 4, 2), CuSeqlens.of_lengths(lengths)
    inputs = make_inputs(BLOCK_SPARSE, shape, cu, lambda *_: BlockSparseExtras(block, topk))
    check(BLOCK_SPARSE, inputs, cu, ("chunk",))


def chosen_by_hand(q: Tensor, k: Tensor, block: int, topk: int, offsets: tuple[int, ...]) -> list[list[list[int]]]:
    """Of each head and token, by plain loops: sort the earlier blocks by score, the earlier first where equal."""
    found = []
    for h in range(q.shape[0]):
        keys = k[h // (q.shape[0] // k.shape[0])]
        rows = []
        for start, stop in pairwise(offsets):
            for t in range(stop - start):
                scores = [
                    float(q[h, start + t] @ keys[start + b * block : start + (b + 1) * block].mean(0))
                    for b in range(t // block)
                ]
                picked = sorted(range(len(scores)), key=lambda b: (-scores[b], b))[:topk]
                rows.append(picked + [-1] * (topk - len(picked)))
        found.append(rows)
    return found


def test_the_choice_is_the_one_made_by_hand() -> None:
    q, k = torch.randn(4, 90, 3, dtype=DOUBLE), torch.randn(2, 90, 3, dtype=DOUBLE)
    cu = CuSeqlens([0, 1, 30, 90])
    found = choose_blocks(q, k, BlockSparseExtras(8, 3), cu)
    assert found.tolist() == chosen_by_hand(q, k, 8, 3, cu.offsets)


def test_of_equal_blocks_the_first_is_chosen_and_none_where_there_is_none() -> None:
    """Keys all equal: every block scores the same."""
    ones = torch.ones(1, 9, 1)
    assert choose_blocks(ones, ones, BlockSparseExtras(2, 2), CuSeqlens([0, 9])).tolist() == [
        [[-1, -1]] * 2 + [[0, -1]] * 2 + [[0, 1]] * 5
    ]


def test_the_best_are_found_in_order() -> None:
    scores = torch.tensor([[[1.0, 3.0, 3.0, -torch.inf], [-torch.inf] * 4]])
    assert best(scores, 5).tolist() == [[[1, 2, 0, -1, -1], [-1] * 5]]


def test_scoring_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k = torch.randn(2, 77, 4, dtype=DOUBLE), torch.randn(1, 77, 4, dtype=DOUBLE)
    cu, extras = CuSeqlens([0, 7, 77]), BlockSparseExtras(5, 2)
    whole = choose_blocks(q, k, extras, cu)
    monkeypatch.setattr("rlhf.attention.kernels.block_sparse.choice.QUERIES", 3)
    assert bool((choose_blocks(q, k, extras, cu) == whole).all())


@pytest.mark.parametrize("form", ["naive", "chunk"])
def test_a_choice_worked_by_hand(form: str) -> None:
    """Blocks of 2. Token 4 scores block 0 at 2 and block 1 at -2, so it sees 0, 1 and itself; all keys it sees are 0
    or 4 times its query's: out = (v_0 + v_1 e^4 + v_4) / (2 + e^4)."""
    q = torch.tensor([[[0.0], [0.0], [0.0], [0.0], [1.0]]], dtype=DOUBLE)
    k = torch.tensor([[[0.0], [4.0], [-4.0], [0.0], [0.0]]], dtype=DOUBLE)
    v = torch.tensor([[[1.0], [2.0], [3.0], [4.0], [5.0]]], dtype=DOUBLE)
    out, *_ = BLOCK_SPARSE.form(form)(q, k, v, BlockSparseExtras(2, 1), None, CuSeqlens([0, 5]))  # type: ignore[arg-type]
    e4 = float(torch.tensor(4.0, dtype=DOUBLE).exp())
    assert out.flatten()[[0, 1, 4]].tolist() == pytest.approx([1, 1.5, (1 + 2 * e4 + 5) / (2 + e4)], rel=1e-12)


def test_as_many_blocks_as_there_are_is_softmax() -> None:
    q, k, v = torch.randn(4, 70, 4, dtype=DOUBLE), *torch.randn(2, 2, 70, 4, dtype=DOUBLE)
    cu = CuSeqlens([0, 20, 70])
    out, *_ = BLOCK_SPARSE.chunk(q, k, v, BlockSparseExtras(8, 9), None, cu)
    whole, *_ = SOFTMAX.naive(q, k, v, Extras(), None, cu)
    torch.testing.assert_close(out, whole, rtol=1e-10, atol=1e-12)


def test_a_fixed_choice_holds_in_float32_whatever_the_scores_say() -> None:
    cu, shape = CuSeqlens([0, 50, 120]), HeadShape(4, 2, 8, 6)
    exact = make_inputs(BLOCK_SPARSE, shape, cu, lambda *_: BlockSparseExtras(8, 3))
    fixed = BlockSparseExtras(8, 3, choose_blocks(exact.q, exact.k, exact.extras, cu))
    expected, *_ = BLOCK_SPARSE.naive(exact.q, exact.k, exact.v, exact.extras, None, cu)
    other = BlockSparseExtras(8, 3, choose_blocks(-exact.q, exact.k, exact.extras, cu))
    for form in (BLOCK_SPARSE.naive, BLOCK_SPARSE.chunk):
        out, *_ = form(exact.q.float(), exact.k.float(), exact.v.float(), fixed, None, cu)
        torch.testing.assert_close(out.double(), expected, rtol=1e-4, atol=1e-5)
        differs, *_ = form(exact.q, exact.k, exact.v, other, None, cu)
        assert float((differs - expected).detach().abs().max()) > 0.1  # type: ignore[arg-type]
    inputs = make_inputs(BLOCK_SPARSE, shape, cu, lambda *_: other)
    check(BLOCK_SPARSE, inputs, cu, ("chunk",))


def test_the_choice_goes_with_its_heads_and_tokens() -> None:
    """What sequence parallelism does with extras: heads and tokens are taken by the axes' letters."""
    q = torch.randn(4, 40, 3, dtype=DOUBLE)
    chosen = choose_blocks(q, q[:2], BlockSparseExtras(8, 2), CuSeqlens([0, 40]))
    halved = map_tensors(BlockSparseExtras(8, 2, chosen), lambda t, axes: t[2:] if axes[0] == "H" else t)
    assert bool((halved.chosen_HTk == chosen[2:]).all())


def test_a_choice_that_cannot_be_is_refused() -> None:
    x, cu = torch.randn(1, 6, 2), CuSeqlens([0, 6])

    def attend(chosen: Tensor) -> None:
        BLOCK_SPARSE.chunk(x, x, x, BlockSparseExtras(2, 2, chosen), None, cu)

    none = torch.full((1, 6, 2), -1)
    attend(none)
    with pytest.raises(ValueError, match=r"\[1, 6, k\]; found \[1, 5, 2\]"):
        attend(none[:, :5])
    for value in (1, -2):
        with pytest.raises(ValueError, match="before the query's own one"):
            attend(none.index_fill(1, torch.tensor([2]), value))
    with pytest.raises(ValueError, match="once"):
        attend(none.index_fill(1, torch.tensor([4]), 1))


def test_every_choice_stands_in_a_tile_of_its_block() -> None:
    cu, extras = CuSeqlens([0, 30, 100]), BlockSparseExtras(4, 3)
    q, k = torch.randn(4, 100, 3), torch.randn(2, 100, 3)
    chosen, layout = choose_blocks(q, k, extras, cu), cu.chunks(4, "cpu")
    tiles = tiling(chosen, layout, 2, 16)
    assert tiles is not None
    for h, t, slot in (~tiles.none_HTk).nonzero().tolist():
        place = int(tiles.place_HTk[h, t, slot])
        assert int(tiles.row_P[place]) == h * 100 + t
        group, number = divmod(int(tiles.block_n1[place // 16]), layout.count)
        assert group == h // 2
        s = 0 if t < 30 else 1
        assert int(layout.sequence_M[number]) == s
        first = int(layout.index.view(-1, 4)[number, 0])  # type: ignore[union-attr]
        assert first == cu.offsets[s] + 4 * int(chosen[h, t, slot])
    real = int((~tiles.none_HTk).sum())
    assert int((~tiles.spare_P).sum()) == real
    assert len(tiles.row_P) == len(tiles.block_n1) * 16


def test_no_tensor_of_length_squared_is_made() -> None:
    """Forward and backward: at 4096 tokens nothing has more than a sixteenth of 4096 squared elements."""
    length = 4096
    x = torch.randn(1, length, 8, requires_grad=True)
    with LargestTensor() as made:
        BLOCK_SPARSE.chunk(x, x, x, extras_of(BlockSparseSettings()), None, CuSeqlens([0, length]))[0].sum().backward()
    assert length * 8 <= made.elements <= length**2 // 16


def test_settings_out_of_range_are_refused() -> None:
    for bad in ({"block": 0}, {"topk": 0}, {"size": 3}):
        with pytest.raises(ValidationError):
            BlockSparseSettings(**bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="found 8, 0"):
        BlockSparseExtras(8, 0)


def test_the_spec_says_what_the_kernel_is() -> None:
    assert SPEC.kernel() is BLOCK_SPARSE
    assert SPEC.mixer() is BlockSparseMixer
    assert (SPEC.engine, SPEC.state_size, BLOCK_SPARSE.state_shapes) == ("none", None, None)


def test_a_layer_computes_the_same_in_both_forms_and_every_parameter_learns() -> None:
    shape = MixerShape(hidden=12, heads=4, kv_heads=2, head_dim=6, layer=0, layers=1, qkv_bias=True)
    layer = BlockSparseMixer(shape, BlockSparseSettings(block=4, topk=2)).double()
    layer.reset(0.02)
    cu = CuSeqlens.of_lengths([5, 33])
    hidden = torch.randn(38, 12, dtype=DOUBLE)
    angle = torch.cat([torch.arange(n, dtype=DOUBLE) for n in cu.lengths])[:, None] * torch.ones(6, dtype=DOUBLE) * 0.1
    rope = (angle.cos(), angle.sin())
    out, state, _ = layer.mix(hidden, rope, None, cu)
    expected, *_ = layer.mix(hidden, rope, None, cu, form="naive")
    assert state is None
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-12)
    out.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in layer.parameters())
