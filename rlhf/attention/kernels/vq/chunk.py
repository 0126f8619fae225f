"""Parallel over blocks: dense attention inside each, by code over all blocks before it."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.contract import Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.vq.extras import VqExtras, aux, rounded, scale_of, sum_by_code
from rlhf.attention.scan import scan


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: VqExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    heads, groups, codes = q_HTd.shape[0], k_GTd.shape[0], extras.codebook_Gcd.shape[1]
    layout = cu_seqlens.chunks(extras.block, q_HTd.device)
    q, k, v_GT, codebook = working(q_HTd, k_GTd, v_GTe, extras.codebook_Gcd.detach())
    codes_GT, k_hat = rounded(k, extras, codebook)
    q, k_GMCd, v = fold(layout.split(q * scale_of(extras)), groups), layout.split(k_hat), layout.split(v_GT)
    before_V, after_V, before_n, after_n = _sums(v, layout.split(codes_GT), codes, state, layout)

    past = (q.flatten(1, 2) @ codebook.mT).view(*q.shape[:3], codes) + before_n.log()[:, :, None]
    repeats, block = heads // groups, layout.size
    later_CC = torch.ones(block, block, dtype=torch.bool, device=q.device).triu(1).repeat(repeats, 1)
    near = (q @ k_GMCd.mT).masked_fill(later_CC, -torch.inf)
    weight_past, weight_near = torch.cat([past, near], -1).softmax(-1).split([codes, block], -1)
    mean = before_V / before_n.clamp(min=1)[..., None]
    out = layout.join(unfold(weight_past @ mean + weight_near @ v, heads))
    return out.to(q_HTd.dtype), (after_V, after_n), aux(k, k_hat, codes_GT, codes)


def _sums(
    v_GMCe: Tensor, codes_GMC: Tensor, codes: int, state: State | None, layout: ChunkLayout
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Values' sums before each block [G, M, c, e] and at the end [S, G, c, e], and so their number."""
    shape = codes_GMC.shape
    flat = codes_GMC.flatten(0, 1)
    sums = sum_by_code(v_GMCe.flatten(0, 1), flat, codes).view(*shape[:2], codes, -1)
    one = layout.valid_MC.to(v_GMCe.dtype).expand(shape).reshape(-1, shape[2], 1)
    numbers = sum_by_code(one, flat, codes).view(*shape[:2], codes, 1)
    before_V, after_V = scan(sums, None, None if state is None else state[0], layout)
    before_n, after_n = scan(numbers, None, None if state is None else state[1].detach()[..., None], layout)
    return before_V, after_V, before_n.squeeze(-1), after_n.squeeze(-1)
