"""Parallel over chunks: decayed attention inside each, the decayed sums of all chunks before it from a scan."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.gla.decayed import decayed
from rlhf.attention.kernels.gla.extras import GatedLinearExtras
from rlhf.attention.scan import scan

CHUNK = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: GatedLinearExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    heads, groups = q_HTd.shape[0], k_GTd.shape[0]
    layout = cu_seqlens.chunks(CHUNK, q_HTd.device)
    q, k, v, log_alpha = (layout.split(x) for x in working(q_HTd, k_GTd, v_GTe, extras.log_alpha_GTd))
    part = decayed(fold(q * extras.query_scale(q.shape[-1]), groups), k, log_alpha)
    initial = None if state is None else state[0]
    before_GMde, after_SGde = scan(part.write_GMCd.mT @ v, part.decay_GMd, initial, layout)
    out = unfold(part.scores_GMRC @ v + part.read_GMRd @ before_GMde, heads)
    return layout.join(out).to(q_HTd.dtype), (after_SGde,), NO_AUX
