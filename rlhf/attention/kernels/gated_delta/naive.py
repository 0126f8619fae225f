"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gated_delta.extras import GatedDeltaExtras


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: GatedDeltaExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """Token by token, as the package's formula stands: the rule is a recurrence, not a sum over pairs of tokens."""
    heads, (groups, _, size) = q_HTd.shape[0], k_GTd.shape
    q, k, v, log_a, b = working(q_HTd, k_GTd, v_GTe, extras.log_decay_GT, extras.beta_GT)
    q, a = q * extras.query_scale(size), log_a.exp()
    identity = torch.eye(size, dtype=k.dtype, device=k.device)
    outputs, states = [], []
    for i, span in enumerate(cu_seqlens.spans()):
        state_Gde = k.new_zeros(groups, size, v.shape[-1]) if state is None else state[0][i]
        for t in range(span.start, span.stop):
            a_t, b_t, k_t, v_t = a[:, t, None, None], b[:, t, None, None], k[:, t, :, None], v[:, t, None]
            state_Gde = a_t * (identity - b_t * k_t @ k_t.mT) @ state_Gde + b_t * k_t @ v_t
            outputs.append(q[:, t, None] @ repeat_heads(state_Gde, heads))
        states.append(state_Gde)
    return torch.cat(outputs, 1).to(q_HTd.dtype), (torch.stack(states),), NO_AUX
