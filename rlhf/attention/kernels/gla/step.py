"""One token a sequence."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gla.extras import GatedLinearExtras


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: GatedLinearExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    cu_seqlens.require_single_tokens()
    q, k, v, log_alpha = working(q_HSd, k_GSd, v_GSe, extras.log_alpha_GTd)
    after_GSde = k[..., :, None] * v[..., None, :]
    if state is not None:
        after_GSde = after_GSde + log_alpha.exp()[..., None] * state[0].transpose(0, 1)
    q = q * extras.query_scale(q.shape[-1])
    out = (q[..., None, :] @ repeat_heads(after_GSde, q.shape[0])).squeeze(-2)
    return out.to(q_HSd.dtype), (after_GSde.transpose(0, 1),), NO_AUX
