"""Queries that chose a block, brought together in tiles of equal size: which query stands where, and where its answer is.

Axes: P places of all tiles, n tiles, A queries of a tile, k chosen blocks of a query.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout


@dataclass(frozen=True, slots=True)
class Tiling:
    """row_P: the query, h * T + t, at each place; a tile that is not full repeats its last one. block_n1: the key block
    of each tile. place_HTk: where the answer to each choice is; there_HTk: whether there is a choice."""

    row_P: Tensor
    block_n1: Tensor
    place_HTk: Tensor
    there_HTk: Tensor


def tiling(chosen_HTk: Tensor, layout: ChunkLayout, groups: int, size: int) -> Tiling | None:
    """layout: the packed sequences in chunks of a block. Key blocks are counted g * M + m. None: nothing is chosen."""
    heads, _, count = chosen_HTk.shape
    there_HTk = chosen_HTk >= 0
    choice_N = there_HTk.reshape(-1).nonzero().squeeze(-1)
    if not len(choice_N):
        return None
    chunk_HTk = chunk_of(chosen_HTk.clamp_min(0), layout)
    group_H = torch.arange(heads, device=chosen_HTk.device) // (heads // groups)
    block_N = (chunk_HTk + group_H[:, None, None] * layout.count).reshape(-1)[choice_N]
    block_N, order_N = block_N.sort(stable=True)
    choice_N = choice_N[order_N]

    queries_b = torch.bincount(block_N, minlength=groups * layout.count)
    tiles_b = (queries_b + size - 1) // size
    begin_b, tile_b = queries_b.cumsum(0) - queries_b, tiles_b.cumsum(0) - tiles_b
    number_N = torch.arange(len(choice_N), device=chosen_HTk.device) - begin_b[block_N]
    place_HTk = torch.zeros_like(chosen_HTk).view(-1)
    place_HTk[choice_N] = tile_b[block_N] * size + number_N

    block_n = torch.repeat_interleave(tiles_b)
    first_n = (torch.arange(len(block_n), device=chosen_HTk.device) - tile_b[block_n]) * size
    in_block_nA = first_n[:, None] + torch.arange(size, device=chosen_HTk.device)
    in_block_nA = torch.minimum(in_block_nA, queries_b[block_n][:, None] - 1)
    row_P = choice_N[(begin_b[block_n][:, None] + in_block_nA).reshape(-1)] // count
    return Tiling(row_P, block_n[:, None], place_HTk.view_as(chosen_HTk), there_HTk)


def chunk_of(block_HTk: Tensor, layout: ChunkLayout) -> Tensor:
    """A block counted from its sequence's start, as a chunk of the layout: its wave's first, and the sequence's rank."""
    start_w = torch.tensor((0, *layout.waves[:-1]), device=block_HTk.device).cumsum(0)
    rank_T = layout.join(layout.rank_S[layout.sequence_M][None, :, None].expand(-1, -1, layout.size))[0]
    return start_w[block_HTk] + rank_T[:, None]
