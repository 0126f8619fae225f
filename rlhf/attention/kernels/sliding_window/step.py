"""One token a sequence: it takes the place of the oldest in the ring, and attends over the ring."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.sliding_window.extras import SlidingWindowExtras, tokens_so_far


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: SlidingWindowExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    cu_seqlens.require_single_tokens()
    q, k, v = working(q_HSd, k_GSd, v_GSe)
    count_S = tokens_so_far(state, cu_seqlens.count, q.device)
    slots_W = torch.arange(extras.window, device=q.device)
    here_S1W1 = (slots_W == count_S[:, None] % extras.window)[:, None, :, None]

    def put(x_GSd: Tensor, old_SGWd: Tensor | None) -> Tensor:
        return torch.where(here_S1W1, x_GSd.transpose(0, 1)[:, :, None], 0.0 if old_SGWd is None else old_SGWd)

    keys_SGWd, values_SGWe = (put(x, None if state is None else state[i]) for i, x in enumerate((k, v)))
    empty_S11W = (slots_W > count_S[:, None])[:, None, None]
    q_SGRd = q.transpose(0, 1).unflatten(1, (k.shape[0], -1))
    scores_SGRW = (q_SGRd @ keys_SGWd.mT * extras.scale_for(q.shape[-1])).masked_fill(empty_S11W, -torch.inf)
    out_HSe = (scores_SGRW.softmax(-1) @ values_SGWe).flatten(1, 2).transpose(0, 1)
    return out_HSe.to(q_HSd.dtype), (keys_SGWd, values_SGWe, (count_S[:, None] + 1).to(q.dtype)), NO_AUX
