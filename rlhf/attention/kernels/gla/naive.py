"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gla.extras import GatedLinearExtras


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: GatedLinearExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """Every pair of tokens with the decay between them, in each channel; the state is a past that is summed up."""
    heads = q_HTd.shape[0]
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    q = q * extras.query_scale(q.shape[-1])
    outputs, states = [], []
    for i, span in enumerate(cu_seqlens.spans()):
        q_s, k_s, v_s = q[:, span], k[:, span], v[:, span]
        # float64 whatever the inputs are: differences of a long sum of gates would lose what is left of float32.
        b_GTd = extras.log_alpha_GTd[:, span].double().cumsum(1)
        later = torch.ones(b_GTd.shape[1], b_GTd.shape[1], dtype=torch.bool, device=q.device).triu(1)
        between_GTTd = (b_GTd[:, :, None] - b_GTd[:, None]).masked_fill(later[..., None], -torch.inf).exp().to(q.dtype)
        scores = torch.einsum("hid,hjd,hijd->hij", q_s, repeat_heads(k_s, heads), repeat_heads(between_GTTd, heads))
        out = scores @ repeat_heads(v_s, heads)
        after = (k_s * between_GTTd[:, -1]).mT @ v_s
        if state is not None:
            alpha = b_GTd.exp().to(q.dtype)
            out = out + (q_s * repeat_heads(alpha, heads)) @ repeat_heads(state[0][i], heads)
            after = after + alpha[:, -1, :, None] * state[0][i]
        outputs.append(out)
        states.append(after)
    return torch.cat(outputs, 1).to(q_HTd.dtype), (torch.stack(states),), NO_AUX
