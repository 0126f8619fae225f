"""Queries that chose a block, brought together in tiles of equal size.

Axes: P places of all tiles, n tiles, A queries of a tile, k chosen blocks of a query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.kernels.softmax.tiles import Group


@dataclass(frozen=True, slots=True)
class Chosen:
    """The part of the chosen blocks: one tile after the other, over key blocks counted g * M + m.

    row_P: the query, h * T + t, at each place; a tile that is not full repeats its last one. spare_P: is it such a
    repetition? block_n1: the key block of each tile. place_HTk: where each choice is; none_HTk: is there no choice?
    """

    layout: ChunkLayout
    size: int
    row_P: Tensor
    spare_P: Tensor
    block_n1: Tensor
    place_HTk: Tensor
    none_HTk: Tensor

    @property
    def groups(self) -> Sequence[Group]:
        return [Group(0, self.block_n1.shape[0], self.block_n1, None)]

    def queries(self, x_HTd: Tensor) -> Tensor:
        rows = x_HTd.reshape(-1, x_HTd.shape[-1]).index_select(0, self.row_P)
        return rows.view(1, -1, self.size, x_HTd.shape[-1])

    def queries_back(self, x_1nAd: Tensor) -> Tensor:
        heads, tokens, _ = self.place_HTk.shape
        total = x_1nAd.new_zeros(heads * tokens, x_1nAd.shape[-1])
        # What stands at a spare place is zero: `log_sums` leaves its query out.
        return total.index_add_(0, self.row_P, x_1nAd.reshape(-1, x_1nAd.shape[-1])).view(heads, tokens, -1)

    def keys(self, x_GTd: Tensor) -> Tensor:
        return self.layout.split(x_GTd).flatten(0, 1)[None]

    def keys_back(self, x_1mBd: Tensor) -> Tensor:
        return self.layout.join(x_1mBd[0].unflatten(0, (-1, self.layout.count)))

    def log_sums(self, lse_HT1: Tensor) -> Tensor:
        rows = lse_HT1.reshape(-1)[self.row_P].masked_fill_(self.spare_P, torch.inf)
        return rows.view(1, -1, self.size, 1)

    def answers(self, out_1nAe: Tensor, lse_1nA1: Tensor) -> list[tuple[Tensor, Tensor]]:
        found = []
        for place_HT, none_HT in zip(self.place_HTk.unbind(2), self.none_HTk.unbind(2), strict=True):
            out, lse = (x.reshape(-1, x.shape[-1]).index_select(0, place_HT.reshape(-1)) for x in (out_1nAe, lse_1nA1))
            none = none_HT.reshape(-1, 1)
            out, lse = out.masked_fill_(none, 0), lse.masked_fill_(none, -torch.inf)
            found.append((out.view(*place_HT.shape, -1), lse.view(*place_HT.shape, 1)))
        return found


def tiling(chosen_HTk: Tensor, layout: ChunkLayout, kv_heads: int, size: int) -> Chosen | None:
    """layout: the packed sequences in chunks of a block. None: nothing is chosen."""
    heads, _, count = chosen_HTk.shape
    none_HTk = chosen_HTk < 0
    choice_N = (~none_HTk).reshape(-1).nonzero().squeeze(-1)
    if not len(choice_N):
        return None
    group_H = torch.arange(heads, device=chosen_HTk.device) // (heads // kv_heads)
    block_HTk = chunk_of(chosen_HTk.clamp_min(0), layout) + group_H[:, None, None] * layout.count
    block_N, order_N = block_HTk.reshape(-1)[choice_N].sort(stable=True)
    choice_N = choice_N[order_N]

    queries_b = torch.bincount(block_N, minlength=kv_heads * layout.count)
    tiles_b = (queries_b + size - 1) // size
    begin_b, tile_b = queries_b.cumsum(0) - queries_b, tiles_b.cumsum(0) - tiles_b
    number_N = torch.arange(len(choice_N), device=chosen_HTk.device) - begin_b[block_N]
    place_HTk = torch.zeros_like(chosen_HTk).view(-1)
    place_HTk[choice_N] = tile_b[block_N] * size + number_N

    block_n = torch.repeat_interleave(tiles_b)
    first_n = (torch.arange(len(block_n), device=chosen_HTk.device) - tile_b[block_n]) * size
    number_nA = first_n[:, None] + torch.arange(size, device=chosen_HTk.device)
    last_n1 = queries_b[block_n][:, None] - 1
    at_nA = begin_b[block_n][:, None] + torch.minimum(number_nA, last_n1)
    return Chosen(
        layout,
        size,
        choice_N[at_nA.reshape(-1)] // count,
        (number_nA > last_n1).reshape(-1),
        block_n[:, None],
        place_HTk.view_as(chosen_HTk),
        none_HTk,
    )


def chunk_of(block_HTk: Tensor, layout: ChunkLayout) -> Tensor:
    """A block counted from its sequence's start, as a chunk of the layout: its wave's first plus its rank."""
    start_w = torch.tensor((0, *layout.waves[:-1]), device=block_HTk.device).cumsum(0)
    rank_MC = layout.rank_S[layout.sequence_M][:, None].expand(-1, layout.size)
    return start_w[block_HTk] + layout.join(rank_MC[None])[0][:, None]
