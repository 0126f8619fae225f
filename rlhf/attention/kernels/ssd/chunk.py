"""Parallel over chunks."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed
from rlhf.attention.kernels.ssd.extras import SsdExtras, decay_and_input, passed_by


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: SsdExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    log_GT, input_GTe = decay_and_input(v_GTe, extras)
    q, k = working(q_HTd, k_GTd)
    out, final = decayed(q, k, input_GTe, log_GT, None if state is None else state[0], cu_seqlens)
    return passed_by(out, v_GTe, extras).to(q_HTd.dtype), (final,), NO_AUX
