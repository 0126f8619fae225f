"""One token a sequence."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.flash.extras import FlashExtras, begin, tokens_so_far


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: FlashExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """Empty slots hold zero keys, whose squared relu is zero: they need no mask."""
    cu_seqlens.require_single_tokens()
    size, groups, d = extras.chunk, k_GSd.shape[0], q_HSd.shape[-1]
    wide = working(q_HSd, k_GSd, v_GSe, *extras.linear())
    total, pending, keys, values, _ = past = begin(wide[1], wide[2], extras, state, cu_seqlens)
    q, k, v, q_linear, k_linear = (x.transpose(0, 1).unflatten(1, (groups, -1)) for x in wide)
    count_S = tokens_so_far(past)
    place_S, chunks_S = count_S % size, count_S // size

    own_SGR1 = (q @ k.mT).relu().square()
    near = (q @ keys.mT).relu().square() @ values + own_SGR1 * v
    reach_S111 = (size * chunks_S.clamp(min=1)).to(q.dtype)[:, None, None, None]
    out_SGRe = near / (d * size) + (q_linear @ total) * d**-0.5 / reach_S111

    completes_S111 = (place_S == size - 1)[:, None, None, None]
    pending = pending + k_linear.mT @ v
    slots = torch.arange(size - 1, device=q.device)
    here_S1C1 = (slots == place_S[:, None])[:, None, :, None]
    kept_S1C1 = ((slots <= place_S[:, None])[:, None, :, None] & ~completes_S111).to(q.dtype)
    after = (
        total + torch.where(completes_S111, pending, 0.0),
        torch.where(completes_S111, 0.0, pending),
        torch.where(here_S1C1, k, keys) * kept_S1C1,
        torch.where(here_S1C1, v, values) * kept_S1C1,
        (count_S[:, None] + 1).to(q.dtype),
    )
    return out_SGRe.flatten(1, 2).transpose(0, 1).to(q_HSd.dtype), after, NO_AUX
