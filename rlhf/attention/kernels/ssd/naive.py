"""The definition."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed_by_definition
from rlhf.attention.kernels.ssd.extras import SsdExtras, decay_and_input, passed_by


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: SsdExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula."""
    log_GT, input_GTe = decay_and_input(v_GTe, extras)
    initial = None if state is None else state[0]
    out, final = decayed_by_definition(q_HTd, k_GTd, input_GTe, log_GT, initial, cu_seqlens)
    return passed_by(out, v_GTe, extras).to(q_HTd.dtype), (final,), NO_AUX
