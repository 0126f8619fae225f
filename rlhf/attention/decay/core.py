"""Attention inside chunks, a state carried between them (Lightning Attention-2, arXiv 2401.04658; state space duality,
arXiv 2405.21060, sec. 6).

The gradient is written by hand, so that a piece of a few chunks stays in the cache from its first operation to its
last: scores are made anew in the backward, and only the states between chunks are kept.

Axes: H query heads, G key-value heads, T packed tokens, d key size, e value size, S sequences, P pieces; within a
piece n chunks of C tokens, N = n for each of the heads at hand, Q = H // G * C query rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay.operands import Scratch
from rlhf.attention.decay.passes import Gradients, Pass, Setup, backward_heads, forward_heads

CHUNK = 64


def decayed(
    q_HTd: Tensor,
    k_GTd: Tensor,
    v_GTe: Tensor,
    log_decay: Tensor,
    initial_SGde: Tensor | None,
    cu_seqlens: CuSeqlens,
    scale: float = 1.0,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """out [H, T, e] in q's dtype, the state after each sequence [S, G, d, e].

    log_decay: finite, at most 0; [G], the same for every token (quicker, unless it wants a gradient), or [G, T].
    scale: of the queries.
    """
    if q_HTd.shape[0] % k_GTd.shape[0]:
        raise ValueError(f"{q_HTd.shape[0]} query heads are no multiple of {k_GTd.shape[0]} key-value heads")
    wide = torch.float64 if q_HTd.dtype is torch.float64 else torch.float32
    if log_decay.ndim == 1 and log_decay.requires_grad:
        log_decay = log_decay[:, None].expand(-1, k_GTd.shape[1])
    initial_GSde = None if initial_SGde is None else initial_SGde.to(wide).transpose(0, 1)
    out, final_GSde = _Decayed.apply(q_HTd, k_GTd, v_GTe, log_decay, initial_GSde, scale, cu_seqlens, chunk)
    return out, final_GSde.transpose(0, 1)


class _Decayed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        log: Tensor,
        initial: Tensor | None,
        scale: float,
        cu: CuSeqlens,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        setup = Setup(q, k, v, log, scale, cu, chunk)
        groups, key, value = k.shape[0], k.shape[2], v.shape[2]
        out = torch.empty_like(q) if key == value else q.new_empty(*q.shape[:2], value)
        final = q.new_empty(groups, cu.count, key, value, dtype=setup.dtype)
        places = setup.plan.count + len(setup.plan.pieces)
        states = q.new_empty(groups, places, key, value, dtype=setup.dtype)
        scratch = Scratch(q.device, setup.dtype)
        for heads in setup.head_ranges:
            at = Pass(setup, heads, q, k, v, scratch)
            past = None if initial is None else initial[heads]
            forward_heads(at, past, states[heads], at.queries("out", out), final[heads])
        ctx.save_for_backward(q, k, v, initial, states)
        ctx.setup, ctx.log_dtype = setup, log.dtype
        return out, final

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g_out, g_final = gradients
        q, k, v, initial, states = ctx.saved_tensors
        setup: Setup = ctx.setup
        g_q, g_k, g_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        g_initial = None if initial is None else torch.empty_like(initial)
        g_sum = torch.empty_like(setup.table.sum_GMC) if ctx.needs_input_grad[3] else None
        scratch = Scratch(q.device, setup.dtype)
        for heads in setup.head_ranges:
            at = Pass(setup, heads, q, k, v, scratch)
            g = Gradients(
                out=at.queries("g", g_out),
                final_GSde=g_final[heads],
                q=at.queries("gq", g_q),
                k=at.keys("gk", g_k),
                v=at.keys("gv", g_v),
                initial_GSde=None if g_initial is None else g_initial[heads],
                sum_GMC=None if g_sum is None else g_sum[heads],
            )
            backward_heads(at, states[heads], g)
        g_log = None
        if g_sum is not None:
            g_log = setup.plan.join(g_sum.flip(-1).cumsum(-1).flip(-1)).to(ctx.log_dtype)
        return g_q, g_k, g_v, g_log, g_initial, None, None, None
