"""One token a sequence."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gated_delta.extras import GatedDeltaExtras


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: GatedDeltaExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """What the decayed state holds at the key is read, and what the value lacks of it, beta times, is written."""
    cu_seqlens.require_single_tokens()
    q, k, v, log_a, b = working(q_HSd, k_GSd, v_GSe, extras.log_decay_GT, extras.beta_GT)
    after_GSde = k.new_zeros(*k.shape, v.shape[-1])
    if state is not None:
        after_GSde = log_a.exp()[..., None, None] * state[0].transpose(0, 1)
    missing_GSe = v - (k[..., None, :] @ after_GSde).squeeze(-2)
    after_GSde = after_GSde + k[..., :, None] * (b[..., None] * missing_GSe)[..., None, :]
    q = q * extras.query_scale(q.shape[-1])
    out = (q[..., None, :] @ repeat_heads(after_GSde, q.shape[0])).squeeze(-2)
    return out.to(q_HSd.dtype), (after_GSde.transpose(0, 1),), NO_AUX
