"""The own block from chunks, the chosen ones from tiles of the queries that chose them; cost T (topk + 1) block."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.block_sparse.choice import choose_blocks
from rlhf.attention.kernels.block_sparse.extras import BlockSparseExtras
from rlhf.attention.kernels.block_sparse.tiling import tiling
from rlhf.attention.kernels.softmax.masked import refuse_state
from rlhf.attention.kernels.softmax.tiles import Group, attend, merge

TILE = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: BlockSparseExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    refuse_state("block_sparse", state)
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    layout = cu_seqlens.chunks(extras.block, q.device)
    k_GMBd, v_GMBe = layout.split(k), layout.split(v)
    outs, lses = own_block(q, k_GMBd, v_GMBe, layout)
    tiles = tiling(choose_blocks(q, k, extras, cu_seqlens), layout, k.shape[0], TILE)
    if tiles is None:
        return outs.to(q_HTd.dtype), None, NO_AUX
    rows_1nAd = q.reshape(-1, q.shape[-1]).index_select(0, tiles.row_P).view(1, -1, TILE, q.shape[-1])
    blocks = (x.reshape(1, -1, *x.shape[2:]) for x in (k_GMBd, v_GMBe))
    out, lse = attend(rows_1nAd, *blocks, [Group(0, len(tiles.block_n1), tiles.block_n1, None)])
    far_out = out.view(-1, v.shape[-1]).index_select(0, tiles.place_HTk.view(-1)).view(*tiles.place_HTk.shape, -1)
    far_out = far_out.masked_fill(~tiles.there_HTk[..., None], 0)
    far_lse = lse.view(-1)[tiles.place_HTk].masked_fill(~tiles.there_HTk, -torch.inf)
    return merge([outs, *far_out.unbind(2)], [lses, *far_lse.unbind(2)]).to(q_HTd.dtype), None, NO_AUX


def own_block(q_HTd: Tensor, k_GMBd: Tensor, v_GMBe: Tensor, layout: ChunkLayout) -> tuple[Tensor, Tensor]:
    """(out [H, T, e], log-sum-exp [H, T]) of each query over its own block, causally."""
    heads, groups = q_HTd.shape[0], k_GMBd.shape[0]
    future = torch.full((layout.size, layout.size), -torch.inf, dtype=q_HTd.dtype, device=q_HTd.device).triu(1)
    mask = Group(0, layout.count, None, future.repeat(heads // groups, 1))
    out, lse = attend(fold(layout.split(q_HTd), groups), k_GMBd, v_GMBe, [mask])
    return layout.join(unfold(out, heads)), layout.join(unfold(lse[..., None], heads)).squeeze(-1)
