"""Parallel over chunks."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed
from rlhf.attention.kernels.retention.extras import RetentionExtras


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: RetentionExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    initial = None if state is None else state[0]
    out, final = decayed(q_HTd, k_GTd, v_GTe, extras.log_decay_G, initial, cu_seqlens, extras.scale)
    return out, (final,), NO_AUX
