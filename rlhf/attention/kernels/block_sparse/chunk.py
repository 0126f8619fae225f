"""The own block from chunks, the chosen ones from tiles of the queries that chose them; cost T (topk + 1) block."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_sparse.choice import choose_blocks
from rlhf.attention.kernels.block_sparse.extras import BlockSparseExtras
from rlhf.attention.kernels.block_sparse.tiling import tiling
from rlhf.attention.kernels.softmax.masked import refuse_state
from rlhf.attention.kernels.softmax.tiles import Group
from rlhf.attention.kernels.softmax.union import Chunks, Part, attend_union

TILE = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: BlockSparseExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    refuse_state("block_sparse", state)
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    heads, kv_heads = q.shape[0], k.shape[0]
    layout = cu_seqlens.chunks(extras.block, q.device)
    future = torch.full((layout.size, layout.size), -torch.inf, dtype=q.dtype, device=q.device).triu_(1)
    own = Group(0, layout.count, None, future.repeat(heads // kv_heads, 1))
    parts: list[Part] = [Chunks(layout, heads, kv_heads, [own])]
    chosen = tiling(choose_blocks(q, k, extras, cu_seqlens), layout, kv_heads, TILE)
    if chosen is not None:
        parts.append(chosen)
    return attend_union(q, k, v, parts).to(q_HTd.dtype), None, NO_AUX
