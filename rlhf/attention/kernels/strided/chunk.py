"""The last tokens from a band of chunks, the strided ones from columns; cost T (local + T / stride)."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.softmax.masked import refuse_state
from rlhf.attention.kernels.softmax.union import Chunks, Part, attend_union
from rlhf.attention.kernels.strided.columns import columns_of
from rlhf.attention.kernels.strided.extras import StridedExtras
from rlhf.attention.kernels.strided.groups import band_groups

CHUNK = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: StridedExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    refuse_state("strided", state)
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    heads, kv_heads = q.shape[0], k.shape[0]
    layout = cu_seqlens.chunks(CHUNK, q.device)
    band = Chunks(layout, heads, kv_heads, band_groups(layout, extras.local, heads // kv_heads, q))
    parts: list[Part] = [band, *columns_of(cu_seqlens, extras, heads, kv_heads, CHUNK, q)]
    return attend_union(q, k, v, parts).to(q_HTd.dtype), None, NO_AUX
