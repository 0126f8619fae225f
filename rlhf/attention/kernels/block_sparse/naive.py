"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_sparse.choice import choose_blocks
from rlhf.attention.kernels.block_sparse.extras import BlockSparseExtras
from rlhf.attention.kernels.softmax.masked import distances, masked_attention, refuse_state


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: BlockSparseExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula."""
    refuse_state("block_sparse", state)
    chosen_HTk = choose_blocks(q_HTd, k_GTd, extras, cu_seqlens)

    def seen(span: slice) -> Tensor:
        length = span.stop - span.start
        block_L = torch.arange(length, device=q_HTd.device) // extras.block
        own = block_L[:, None] == block_L
        chosen = (chosen_HTk[:, span, None, :] == block_L[:, None]).any(-1)
        return (distances(length, q_HTd.device) >= 0) & (own | chosen)

    return masked_attention(q_HTd, k_GTd, v_GTe, seen, cu_seqlens), None, NO_AUX
