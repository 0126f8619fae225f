"""Attention over chunks, a slab at a time, with a backward pass that makes features and weights again.

Features are the largest tensors by far, two or so for every channel of a query or key. A slab of them stays in a
processor's cache, and only inputs, outputs and the state before each chunk are kept.

Axes: G key-value heads, M chunks in the waves of a ChunkLayout, C tokens of a chunk, N rows of queries of a chunk
(those of the query heads of a group one after the other), S sequences in the order of the layout's first wave,
m features, d key size, e value size, x = e + 1: values, and a one that sums up to the denominator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.kernels.performer.extras import EPS, key_features, query_features
from rlhf.attention.kernels.performer.slabs import Slab, slabs

CPU_SLAB, GPU_SLAB = 1 << 18, 1 << 26
"""Elements of the queries' features that are made at a time."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """What a slab's keys and values come to, and how much each counts (extras.py): `near` for the queries of the chunk
    (0 for later keys), `kept` in the state after it; `past`: the state before it for its queries, `decay` after it."""

    features_GMCm: Tensor
    v_GMCx: Tensor
    near_GMNC: Tensor
    kept_GMC1: Tensor
    past_GMN1: Tensor
    decay_GM11: Tensor


def attend(
    q_GMNd: Tensor,
    k_GMCd: Tensor,
    v_GMCe: Tensor,
    features_Gmd: Tensor,
    initial_GSmx: Tensor,
    top_GS: Tensor,
    layout: ChunkLayout,
) -> tuple[Tensor, Tensor, Tensor]:
    """(out [G, M, N, e], final [G, S, m, x], its top [G, S]). top: of the initial state, -inf where there is none."""
    return _Attend.apply(q_GMNd, k_GMCd, v_GMCe, features_Gmd, initial_GSmx, top_GS, layout)


def _slabs(q: Tensor, features: Tensor, layout: ChunkLayout) -> list[Slab]:
    budget = CPU_SLAB if q.device.type == "cpu" else GPU_SLAB
    return slabs(layout.waves, budget // (q.shape[0] * q.shape[2] * features.shape[1]))


def _featured(k: Tensor, features: Tensor, layout: ChunkLayout, at: tuple[slice, slice]) -> tuple[Tensor, Tensor]:
    """(features [G, M, C, m], log of the keys' weights [G, M, C], -inf beyond a sequence's end)."""
    here = k[at]
    found, log = key_features(here.flatten(1, 2), features)
    log = log.view(here.shape[:3])
    if layout.padded:
        log = log.masked_fill(~layout.valid_MC[at[1]], -torch.inf)
    return found.view(*here.shape[:3], -1), log


def _weighed(found: Tensor, log: Tensor, v: Tensor, before_GM: Tensor, repeats: int) -> _Keys:
    """before: the largest of `log` of all earlier chunks of the sequence."""
    top = log.cummax(-1).values.maximum(before_GM[..., None])
    near = (log[..., None, :] - top[..., None]).clamp_(max=0).exp_().tril_()
    past = (before_GM[..., None] - top).exp_()[..., None]
    if repeats > 1:
        near, past = near.repeat(1, 1, repeats, 1), past.repeat(1, 1, repeats, 1)
    kept = (log - top[..., -1:]).exp_()[..., None]
    decay = (before_GM - top[..., -1]).exp_()[..., None, None]
    return _Keys(found, torch.cat([v, torch.ones_like(v[..., :1])], -1), near, kept, past, decay)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, w: Tensor, initial: Tensor, top: Tensor, layout: ChunkLayout
    ) -> tuple[Tensor, Tensor, Tensor]:
        groups, chunks, rows, _ = q.shape
        state, top, values = initial.clone(memory_format=torch.contiguous_format), top.clone(), v.shape[-1]
        out, below = q.new_empty(groups, chunks, rows, values), q.new_empty(groups, chunks, rows, 1)
        tops, befores = q.new_empty(groups, chunks), []
        for slab in _slabs(q, w, layout):
            at = slab.chunks
            found, log = _featured(k, w, layout, at)
            before_top, largest = tops[at], log.amax(-1)
            for here, sequences in slab.each():
                before_top[here] = top[sequences]
                top[sequences] = top[sequences].maximum(largest[here])
            keys = _weighed(found, log, v[at], before_top, rows // k.shape[2])
            added = found.mT @ (keys.v_GMCx * keys.kept_GMC1)
            before = torch.empty_like(added)
            for here, sequences in slab.each():
                running = state[sequences]
                before[here] = running
                running.mul_(keys.decay_GM11[here]).add_(added[here])
            fq = query_features(q[at].flatten(1, 2), w).view(*q[at].shape[:3], -1)
            near = (fq @ found.mT).mul_(keys.near_GMNC) @ keys.v_GMCx
            numerator, denominator = near.addcmul_(fq @ before, keys.past_GMN1).split([values, 1], -1)
            torch.div(numerator, denominator, out=out[at])
            below[at] = denominator
            befores.append(before)
        ctx.save_for_backward(q, k, v, w, out, below, tops, *befores)
        ctx.layout = layout
        ctx.mark_non_differentiable(top)
        return out, state, top

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, w, out, below, tops, *befores = ctx.saved_tensors
        g_out, g_state = gradients[0], gradients[1].clone(memory_format=torch.contiguous_format)
        g_q, g_k, g_v = (torch.empty_like(t, memory_format=torch.contiguous_format) for t in (q, k, v))
        g_w = torch.zeros_like(w) if ctx.needs_input_grad[3] else None
        scale, root = w.shape[-1] ** -0.25, w.shape[-1] ** -0.5
        for slab, before in reversed(list(zip(_slabs(q, w, ctx.layout), befores, strict=True))):
            at = slab.chunks
            found, log = _featured(k, w, ctx.layout, at)
            keys = _weighed(found, log, v[at], tops[at], q.shape[2] // k.shape[2])
            fq = query_features(q[at].flatten(1, 2), w).view(*q[at].shape[:3], -1)
            g_above = g_out[at] / below[at]
            g_both = torch.cat([g_above, -(g_above * out[at]).sum(-1, keepdim=True)], -1)
            g_far = g_both * keys.past_GMN1
            g_before, g_added = fq.mT @ g_far, torch.empty_like(before)
            for here, sequences in slab.back():
                running = g_state[sequences]
                g_added[here] = running
                running.mul_(keys.decay_GM11[here]).add_(g_before[here])
            g_scores = (g_both @ keys.v_GMCx.mT).mul_(keys.near_GMNC)
            scores = (fq @ found.mT).mul_(keys.near_GMNC)
            g_values = (scores.mT @ g_both).addcmul_(found @ g_added, keys.kept_GMC1)
            g_v[at] = g_values[..., :-1]
            g_log = (g_values * keys.v_GMCx).sum(-1, keepdim=True)
            g_found = g_scores.mT @ fq + (keys.v_GMCx * keys.kept_GMC1) @ g_added.mT
            g_keys = g_found.mul_(found).flatten(1, 2)
            g_queries = (g_scores @ found + g_far @ before.mT).mul_(fq - EPS).flatten(1, 2)
            g_q[at] = (g_queries @ w).mul_(scale).view_as(q[at])
            g_k[at] = (g_keys @ w).mul_(scale).view_as(k[at]).addcmul_(g_log, k[at], value=-root)
            if g_w is not None:
                g_w.baddbmm_(g_queries.mT, q[at].flatten(1, 2), alpha=scale)
                g_w.baddbmm_(g_keys.mT, k[at].flatten(1, 2), alpha=scale)
        return g_q, g_k, g_v, g_w, g_state, None, None
