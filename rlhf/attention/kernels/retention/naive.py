"""The definition."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed_by_definition
from rlhf.attention.kernels.retention.extras import RetentionExtras


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: RetentionExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula."""
    log_GT = extras.log_decay_G[:, None].expand(-1, cu_seqlens.total)
    initial = None if state is None else state[0]
    out, final = decayed_by_definition(q_HTd, k_GTd, v_GTe, log_GT, initial, cu_seqlens, extras.scale)
    return out.to(q_HTd.dtype), (final,), NO_AUX
