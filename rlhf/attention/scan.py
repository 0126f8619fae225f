"""The recurrence between chunks: the state before each chunk, from what each chunk adds and how it decays.

    state <- decay_m * state + added_m

A loop of its own with a backward of its own: through autograd every step would keep a copy, and indexing the chunks
would cost a gradient of the whole size each.

Axes: G heads, M chunks in the waves of a ChunkLayout, d x e the state, S sequences.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.chunking import ChunkLayout


def scan(
    added_GMde: Tensor, decay_GM: Tensor | None, initial_SGde: Tensor | None, layout: ChunkLayout
) -> tuple[Tensor, Tensor]:
    """(before [G, M, d, e], final [S, G, d, e]).

    decay_GM: factor of the state over each chunk, [G, M] or, a key channel each, [G, M, d]; None: 1.
    initial_SGde: state before each sequence, in the sequences' own order; None: zero.
    """
    initial = None if initial_SGde is None else initial_SGde.index_select(0, layout.order_S).transpose(0, 1)
    if decay_GM is not None:
        decay_GM = decay_GM.view(*decay_GM.shape, *(1,) * (4 - decay_GM.ndim))
    before_GMde, final_GSde = _Scan.apply(added_GMde, decay_GM, initial, layout.waves)
    return before_GMde, final_GSde.transpose(0, 1).index_select(0, layout.rank_S)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, added: Tensor, decay: Tensor | None, initial: Tensor | None, waves: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        groups, _, d, e = added.shape
        state = added.new_zeros(groups, waves[0], d, e) if initial is None else initial.clone()
        before = torch.empty_like(added, memory_format=torch.contiguous_format)
        for a, b in pairwise(accumulate(waves, initial=0)):
            running = state[:, : b - a]
            before[:, a:b] = running
            if decay is not None:
                running.mul_(decay[:, a:b])
            running.add_(added[:, a:b])
        ctx.save_for_backward(before if decay is not None and ctx.needs_input_grad[1] else None, decay)
        ctx.waves = waves
        return before, state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g_before, g_final = gradients
        before, decay = ctx.saved_tensors
        g_state = g_final.clone(memory_format=torch.contiguous_format)
        g_added = torch.empty_like(g_before, memory_format=torch.contiguous_format)
        g_decay = None if before is None else torch.empty_like(decay)
        for a, b in reversed(list(pairwise(accumulate(ctx.waves, initial=0)))):
            running = g_state[:, : b - a]
            g_added[:, a:b] = running
            if g_decay is not None:
                product = running * before[:, a:b]
                g_decay[:, a:b] = product.sum(-1, keepdim=True) if decay.shape[2] > 1 else _sum(product)
            if decay is not None:
                running.mul_(decay[:, a:b])
            running.add_(g_before[:, a:b])
        return g_added, g_decay, g_state if ctx.needs_input_grad[2] else None, None


def _sum(x: Tensor) -> Tensor:
    return x.sum((-1, -2), keepdim=True)
