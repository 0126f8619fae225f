"""Softmax inside blocks: its forms agree wherever a block begins, and it is block-diagonal attention."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from rlhf.attention.contract import HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_local import KERNEL
from rlhf.attention.kernels.block_local.extras import BlockLocalExtras
from tests.attention.agreement import check_carried
from tests.attention.layers import check_decoding, check_size, make_mixer
from tests.attention.suite import KernelSuite


class TestBlockLocal(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return BlockLocalExtras(64)


class TestSmallBlocks(KernelSuite):
    kernel = KERNEL
    chunk = 7

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return BlockLocalExtras(7)


class TestBlocksOfOneToken(KernelSuite):
    """A token sees itself alone: the output is its value."""

    kernel = KERNEL
    chunk = 3

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return BlockLocalExtras(1)


def fixed(block: int):
    return lambda generator, shape, tokens, dtype: BlockLocalExtras(block)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_block_goes_on_where_it_was_left(cut: int) -> None:
    check_carried(KERNEL, HeadShape(4, 2, 8, 6), fixed(5), [cut + 1, cut + 5, cut + 12], cut)


def test_it_is_softmax_with_a_block_diagonal_mask() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 11, 4, generator=generator, dtype=torch.float64) for _ in range(3))
    at = torch.arange(11)
    mask = (at[:, None] >= at) & (at[:, None] // 4 == at // 4)
    out, state, _ = KERNEL.chunk(q, k, v, BlockLocalExtras(4), None, CuSeqlens([0, 11]))
    torch.testing.assert_close(out, scaled_dot_product_attention(q, k, v, attn_mask=mask))
    assert state is not None
    assert state[2].item() == 3
    torch.testing.assert_close(state[0][0], k[:, 8:])


def test_a_layer_decodes_what_it_was_trained_on() -> None:
    mixer = make_mixer("block_local", block=9)
    check_decoding(mixer, 31)
    check_size(mixer)
