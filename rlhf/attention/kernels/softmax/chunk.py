"""PyTorch's fused attention, over sequences of similar length at a time; nothing of size T x T exists.

On a CPU it computes in float32 (float64 where the inputs are); on a GPU in the inputs' dtype, with the fused kernels'
float32 sums.

Axes: B sequences of a bucket, L tokens of its longest.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from rlhf.attention.contract import NO_AUX, Aux, Extras, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.softmax.masked import refuse_state


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: Extras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    refuse_state("softmax", state)
    q, k, v = working(q_HTd, k_GTd, v_GTe) if q_HTd.device.type == "cpu" else (q_HTd, k_GTd, v_GTe)
    lengths = cu_seqlens.lengths
    if len(set(lengths)) == 1:
        rows = (x.unflatten(1, (len(lengths), -1)).transpose(0, 1) for x in (q, k, v))
        out = causal(*rows).transpose(0, 1).flatten(1, 2)
    else:
        out = ragged(q, k, v, cu_seqlens)
    return out.to(q_HTd.dtype), None, NO_AUX


def ragged(q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, cu_seqlens: CuSeqlens) -> Tensor:
    """[H, T, e]. A row shorter than its bucket repeats its last token, which no token before it sees."""
    outputs, place_T, offset = [], np.empty(cu_seqlens.total, np.int64), 0
    for members in buckets(cu_seqlens.lengths):
        length_B = np.asarray([cu_seqlens.lengths[s] for s in members])
        start_B = np.asarray([cu_seqlens.offsets[s] for s in members])
        at_L = np.arange(length_B.max())
        token_BL = start_B[:, None] + np.minimum(at_L, length_B[:, None] - 1)
        own_BL = at_L < length_B[:, None]
        place_T[token_BL[own_BL]] = offset + np.flatnonzero(own_BL.reshape(-1))
        index = torch.from_numpy(token_BL.reshape(-1)).to(q_HTd.device)
        rows = (
            x.index_select(1, index).unflatten(1, (len(members), -1)).transpose(0, 1) for x in (q_HTd, k_GTd, v_GTe)
        )
        outputs.append(causal(*rows).transpose(0, 1).flatten(1, 2))
        offset += token_BL.size
    return torch.cat(outputs, 1).index_select(1, torch.from_numpy(place_T).to(q_HTd.device))


def buckets(lengths: tuple[int, ...]) -> list[list[int]]:
    """Sequences whose lengths are within an eighth (or 8) of one another, together: little padding, few calls."""
    found: dict[int, list[int]] = {}
    for s, n in enumerate(lengths):
        step = max(8, 2 ** (n.bit_length() - 4))
        found.setdefault(-(-n // step) * step, []).append(s)
    return list(found.values())


def causal(q_BHLd: Tensor, k_BGLd: Tensor, v_BGLe: Tensor) -> Tensor:
    """[B, H, L, e]. Keys and values of different size are filled up with zeros: the fused kernels want one size."""
    key, value = q_BHLd.shape[-1], v_BGLe.shape[-1]
    size = max(key, value)
    q, k, v = (x if x.shape[-1] == size else pad(x, (0, size - x.shape[-1])) for x in (q_BHLd, k_BGLd, v_BGLe))
    grouped = q.shape[1] != k.shape[1]
    out = scaled_dot_product_attention(q, k, v, is_causal=True, scale=1 / sqrt(key), enable_gqa=grouped)
    return out[..., :value]
