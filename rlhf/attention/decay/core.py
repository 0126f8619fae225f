"""Attention inside chunks, a state carried between them (Lightning Attention-2, arXiv 2401.04658; state space duality,
arXiv 2405.21060, sec. 6).

The gradient is written by hand, so that a piece of a few chunks stays in the cache from its first operation to its
last: scores are made anew in the backward, and only the state before each piece is kept. With L the running sum of
log-decays, dL_i = q_i . dq_i - k_i . dk_i, without the pairs i = j in which L cancels, and at the end of a chunk also
state . dstate.

Axes: H query heads, G key-value heads, T packed tokens, d key size, e value size, S sequences, P pieces; within a
piece n chunks of C tokens, N = G * n, Q = H // G * C query rows.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay.factors import Factors
from rlhf.attention.decay.operands import Operands
from rlhf.attention.decay.plan import Piece

CHUNK = 64


def decayed(
    q_HTd: Tensor,
    k_GTd: Tensor,
    v_GTe: Tensor,
    log_decay: Tensor,
    initial_SGde: Tensor | None,
    cu_seqlens: CuSeqlens,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """out [H, T, e] in q's dtype, the state after each sequence [S, G, d, e].

    log_decay: finite, at most 0; [G], the same for every token (quicker, unless it wants a gradient), or [G, T].
    """
    if q_HTd.shape[0] % k_GTd.shape[0]:
        raise ValueError(f"{q_HTd.shape[0]} query heads are no multiple of {k_GTd.shape[0]} key-value heads")
    wide = torch.float64 if q_HTd.dtype is torch.float64 else torch.float32
    if log_decay.ndim == 1 and log_decay.requires_grad:
        log_decay = log_decay[:, None].expand(-1, k_GTd.shape[1])
    initial_GSde = None if initial_SGde is None else initial_SGde.to(wide).transpose(0, 1)
    out, final_GSde = _Decayed.apply(q_HTd, k_GTd, v_GTe, log_decay, initial_GSde, cu_seqlens, chunk)
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
        cu: CuSeqlens,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        made = Operands(q, k, v, log, cu, chunk)
        out = q.new_empty(*q.shape[:2], made.value)
        final = q.new_empty(made.groups, cu.count, made.key, made.value, dtype=made.dtype)
        kept = q.new_empty(len(made.pieces), made.groups, made.key, made.value, dtype=made.dtype)
        for heads in made.head_ranges:
            carry_Gde = torch.zeros_like(kept[0, heads])
            for p, piece in enumerate(made.pieces):
                kept[p, heads] = carry_Gde
                f = made.factors(piece, heads)
                q_NQd = made.take_queries(q, piece, heads)
                k_NCd, v_NCe = made.take_keys(k, piece, heads), made.take_keys(v, piece, heads)
                first = None if initial is None else initial[heads]
                states = _states(k_NCd, _times(v_NCe, f.fall_GnCe), carry_Gde, first, piece, f, final[heads])
                out_NQe = _multiply(torch.bmm(q_NQd, states[:, :-1].flatten(0, 1)), f.rise_GnQe)
                scores_NQC = _multiply(torch.bmm(q_NQd, k_NCd.mT), f.inside_GnQC)
                made.put_queries(out_NQe.baddbmm_(scores_NQC, v_NCe), piece, heads, out)
                carry_Gde = states[:, -1]
        ctx.save_for_backward(q, k, v, log, initial, kept)
        ctx.cu, ctx.chunk = cu, chunk
        return out, final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g_out, g_final = gradients
        q, k, v, log, initial, kept = ctx.saved_tensors
        made = Operands(q, k, v, log, ctx.cu, ctx.chunk)
        g_q, g_k, g_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        g_log = torch.empty_like(log, memory_format=torch.contiguous_format) if ctx.needs_input_grad[3] else None
        g_initial = None if initial is None else torch.empty_like(initial)
        for heads in made.head_ranges:
            carry_Gde = torch.zeros_like(kept[0, heads])
            for p, piece in reversed(list(enumerate(made.pieces))):
                f = made.factors(piece, heads)
                q_NQd, g_NQe = made.take_queries(q, piece, heads), made.take_queries(g_out, piece, heads)
                k_NCd, v_NCe = made.take_keys(k, piece, heads), made.take_keys(v, piece, heads)
                faded_NCe, risen_NQe = _times(v_NCe, f.fall_GnCe), _times(g_NQe, f.rise_GnQe)
                first = None if initial is None else initial[heads]
                states = _states(k_NCd, faded_NCe, kept[p, heads], first, piece, f, None)
                g_first = None if g_initial is None else g_initial[heads]
                g_states = _state_gradients(q_NQd, risen_NQe, carry_Gde, g_final[heads], piece, f, g_first)
                before_Nde, g_after_Nde = states[:, :-1].flatten(0, 1), g_states[:, 1:].flatten(0, 1)

                scores_NQC = _multiply(torch.bmm(q_NQd, k_NCd.mT), f.inside_GnQC)
                g_scores_NQC = torch.bmm(g_NQe, v_NCe.mT)
                products = None if g_log is None else scores_NQC * g_scores_NQC
                _multiply(g_scores_NQC, f.inside_GnQC)
                dv = _multiply(torch.bmm(k_NCd, g_after_Nde), f.fall_GnCe)
                made.put_keys(dv.baddbmm_(scores_NQC.mT, g_NQe), piece, heads, g_v)
                dq = torch.bmm(risen_NQe, before_Nde.mT)
                dk = torch.bmm(faded_NCe, g_after_Nde.mT)
                if products is not None and g_log is not None:
                    ended_N = (states[:, 1:].flatten(0, 1) * g_after_Nde).sum((1, 2))
                    g_log_NC = _log_gradient(products, (q_NQd * dq).sum(-1), (k_NCd * dk).sum(-1), ended_N)
                    made.put_keys(g_log_NC, piece, heads, g_log)
                made.put_queries(dq.baddbmm_(g_scores_NQC, k_NCd), piece, heads, g_q)
                made.put_keys(dk.baddbmm_(g_scores_NQC.mT, q_NQd), piece, heads, g_k)
                carry_Gde = g_states[:, 0]
        return g_q, g_k, g_v, g_log, g_initial, None, None


def _times(x_N: Tensor, factor_Gn: Tensor) -> Tensor:
    return (x_N.unflatten(0, (factor_Gn.shape[0], -1)) * factor_Gn).flatten(0, 1)


def _multiply(x_N: Tensor, factor_Gn: Tensor) -> Tensor:
    """In place."""
    x_N.unflatten(0, (factor_Gn.shape[0], -1)).mul_(factor_Gn)
    return x_N


def _states(
    k_NCd: Tensor,
    faded_NCe: Tensor,
    carry_Gde: Tensor,
    initial_GSde: Tensor | None,
    piece: Piece,
    f: Factors,
    final_GSde: Tensor | None,
) -> Tensor:
    """[G, n + 1, d, e]: before each chunk, and after the last. Writes those after a sequence into `final`."""
    groups, count = carry_Gde.shape[0], piece.count
    added = torch.bmm(k_NCd.mT, faded_NCe).unflatten(0, (groups, count))
    end = f.end_Gn11.expand(-1, count, -1, -1)
    if piece.enters:
        added[:, 0].addcmul_(carry_Gde, end[:, 0])
    if initial_GSde is not None:
        started = initial_GSde[:, piece.beginning] * end.index_select(1, piece.begins)
        added.index_add_(1, piece.begins, started)
    states = added.new_empty(groups, count + 1, *added.shape[2:])
    states[:, 0] = carry_Gde
    torch.bmm(f.forth_Gnn, added.flatten(2), out=states[:, 1:].flatten(2))
    if final_GSde is not None:
        final_GSde[:, piece.ending] = states.index_select(1, piece.ends + 1)
    if initial_GSde is not None:
        states.index_copy_(1, piece.begins, initial_GSde[:, piece.beginning])
    else:
        states.index_fill_(1, piece.begins, 0)
    return states


def _state_gradients(
    q_NQd: Tensor,
    risen_NQe: Tensor,
    carry_Gde: Tensor,
    g_final_GSde: Tensor,
    piece: Piece,
    f: Factors,
    g_initial_GSde: Tensor | None,
) -> Tensor:
    """[G, n + 1, d, e]: at 0 with respect to the state before the first chunk, at 1 + i to that after chunk i.

    Writes those before a sequence into `g_initial`.
    """
    groups, count = carry_Gde.shape[0], piece.count
    read = torch.bmm(q_NQd.mT, risen_NQe).unflatten(0, (groups, count))
    end = f.end_Gn11.expand(-1, count, -1, -1)
    if piece.leaves:
        read[:, -1].addcmul_(carry_Gde, end[:, -1])
    ended = g_final_GSde[:, piece.ending]
    read.index_add_(1, piece.ends, ended * end.index_select(1, piece.ends))
    found = read.new_empty(groups, count + 1, *read.shape[2:])
    found[:, -1] = carry_Gde
    torch.bmm(f.back_Gnn, read.flatten(2), out=found[:, :-1].flatten(2))
    if g_initial_GSde is not None:
        g_initial_GSde[:, piece.beginning] = found.index_select(1, piece.begins)
    found.index_copy_(1, piece.ends + 1, ended)
    return found


def _log_gradient(products_NQC: Tensor, rows_NQ: Tensor, columns_NC: Tensor, ended_N: Tensor) -> Tensor:
    """[N, C], of each token's log-decay. products: scores * their gradients; rows, columns: what comes from and goes
    to other chunks; ended: state . dstate after the chunk."""
    size = products_NQC.shape[2]
    products = products_NQC.unflatten(1, (-1, size))
    products.diagonal(dim1=-2, dim2=-1).zero_()
    rows = (products.sum(-1) + rows_NQ.unflatten(1, (-1, size))).sum(1)
    running = (rows - products.sum((1, 2)) - columns_NC).to(torch.float64)
    running[:, -1] += ended_N
    return running.flip(-1).cumsum(-1).flip(-1)
