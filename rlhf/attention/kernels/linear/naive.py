"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.linear.extras import EPS, LinearExtras, features, rotated


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: LinearExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula; the state is a past that is already summed up."""
    heads = q_HTd.shape[0]
    (v_GTe_wide,) = working(v_GTe)
    fq, fk = features(q_HTd), features(k_GTd)
    rq, rk = rotated(fq, extras), rotated(fk, extras)
    outputs, sums, norms = [], [], []
    for i, span in enumerate(cu_seqlens.spans()):
        rk_s, fk_s, v_s = rk[:, span], fk[:, span], v_GTe_wide[:, span]
        k, f, v = (repeat_heads(x, heads) for x in (rk_s, fk_s, v_s))
        numerator = torch.tril(rq[:, span] @ k.mT) @ v
        denominator = torch.tril(fq[:, span] @ f.mT).sum(-1, keepdim=True)
        after_S, after_z = rk_s.mT @ v_s, fk_s.sum(1)
        if state is not None:
            numerator = numerator + rq[:, span] @ repeat_heads(state[0][i], heads)
            denominator = denominator + fq[:, span] @ repeat_heads(state[1][i], heads)[..., None]
            after_S, after_z = after_S + state[0][i], after_z + state[1][i]
        outputs.append(numerator / (denominator + EPS))
        sums.append(after_S)
        norms.append(after_z)
    return torch.cat(outputs, 1).to(q_HTd.dtype), (torch.stack(sums), torch.stack(norms)), NO_AUX
