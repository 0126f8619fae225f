"""The definition."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.softmax.masked import distances, masked_attention, refuse_state
from rlhf.attention.kernels.strided.extras import StridedExtras


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: StridedExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula."""
    refuse_state("strided", state)

    def seen(span: slice) -> Tensor:
        back = distances(span.stop - span.start, q_HTd.device)
        return (back >= 0) & ((back < extras.local) | (back % extras.stride == 0))

    return masked_attention(q_HTd, k_GTd, v_GTe, seen, cu_seqlens), None, NO_AUX
