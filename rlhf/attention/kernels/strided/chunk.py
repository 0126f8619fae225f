"""The last `local` tokens from chunks and those before them; the strided ones from columns; cost T (local + T / stride).

A column holds the tokens of a sequence whose positions leave one remainder by `stride`. Within a column the strided
pattern is causal attention but for the nearest `skip` tokens, which the local pattern has already seen.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.softmax.masked import refuse_state
from rlhf.attention.kernels.softmax.tiles import Group, attend, merge
from rlhf.attention.kernels.strided.columns import columns_of
from rlhf.attention.kernels.strided.extras import StridedExtras
from rlhf.attention.kernels.strided.groups import band_groups, column_groups

CHUNK = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: StridedExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    refuse_state("strided", state)
    wide = working(q_HTd, k_GTd, v_GTe)
    repeats = q_HTd.shape[0] // k_GTd.shape[0]
    layout = cu_seqlens.chunks(CHUNK, q_HTd.device)
    out, lse = over(layout, *wide, band_groups(layout, extras.local, repeats, wide[0]))
    skip = -(-extras.local // extras.stride)
    found = columns_of(cu_seqlens, extras.stride, skip, CHUNK, q_HTd.device)
    if found is None:
        return out.to(q_HTd.dtype), None, NO_AUX
    parts = []
    for columns in found.each:
        rows = (x.index_select(1, columns.tokens) for x in wide)
        parts.append(over(columns.layout, *rows, column_groups(columns.layout, skip, repeats, wide[0])))
    far_out = found.to_tokens(torch.cat([o for o, _ in parts], 1), 0)
    far_lse = found.to_tokens(torch.cat([z for _, z in parts], 1), -torch.inf)
    return merge([out, far_out], [lse, far_lse]).to(q_HTd.dtype), None, NO_AUX


def over(
    layout: ChunkLayout, q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, groups: list[Group]
) -> tuple[Tensor, Tensor]:
    """(out [H, T, e], log-sum-exp [H, T]) of a layout's chunks under the groups' masks."""
    heads, kv_heads = q_HTd.shape[0], k_GTd.shape[0]
    q_GMRd = fold(layout.split(q_HTd), kv_heads)
    out, lse = attend(q_GMRd, layout.split(k_GTd), layout.split(v_GTe), groups)
    return layout.join(unfold(out, heads)), layout.join(unfold(lse[..., None], heads)).squeeze(-1)
