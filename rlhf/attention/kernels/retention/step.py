"""One token a sequence."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed_step
from rlhf.attention.kernels.retention.extras import RetentionExtras


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: RetentionExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    cu_seqlens.require_single_tokens()
    past = None if state is None else state[0]
    out, after = decayed_step(q_HSd, k_GSd, v_GSe, extras.log_decay_G[:, None], past, extras.scale)
    return out.to(q_HSd.dtype), (after,), NO_AUX
