"""The definition."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, Extras, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.softmax.masked import distances, masked_attention, refuse_state


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: Extras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula."""
    refuse_state("softmax", state)

    def seen(span: slice) -> Tensor:
        return distances(span.stop - span.start, q_HTd.device) >= 0

    return masked_attention(q_HTd, k_GTd, v_GTe, seen, cu_seqlens), None, NO_AUX
