"""One token a sequence."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed_step
from rlhf.attention.kernels.ssd.extras import SsdExtras, decay_and_input, passed_by


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: SsdExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    cu_seqlens.require_single_tokens()
    log_GS, input_GSe = decay_and_input(v_GSe, extras)
    out, after = decayed_step(q_HSd, k_GSd, input_GSe, log_GS, None if state is None else state[0])
    return passed_by(out, v_GSe, extras).to(q_HSd.dtype), (after,), NO_AUX
