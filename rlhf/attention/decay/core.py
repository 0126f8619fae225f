"""Attention inside chunks, a state carried between them (Lightning Attention-2, arXiv 2401.04658; state space duality,
arXiv 2405.21060, sec. 6).

The gradient is written by hand, so that a piece of a few chunks stays in the cache from its first operation to its
last: scores and states are made anew in the backward, and only the state before each piece is kept. With L the running
sum of log-decays, dL_i = q_i . dq_i - k_i . dk_i, without the pairs i = j in which L cancels, and at the end of a chunk
also state . dstate.

Axes: H query heads, G key-value heads, T packed tokens, d key size, e value size, S sequences, P pieces; within a
piece n chunks of C tokens, N = n for each of the heads at hand, Q = H // G * C query rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay.factors import Factors, FactorTable
from rlhf.attention.decay.operands import Scratch, Slot
from rlhf.attention.decay.plan import Piece, cut
from rlhf.attention.decay.recurrence import back, forth, sum_gradient

CHUNK = 64
CACHED = 1 << 16
"""Elements that an operand of a piece may have on a CPU: about ten are in use at a time, 256 KiB each."""
ON_GPU = 64
"""Chunks of a piece on a GPU, for all heads at once."""


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


class _Work:
    """What forward and backward share: the plan, the decays, the scratch memory."""

    def __init__(self, q: Tensor, k: Tensor, v: Tensor, log: Tensor, cu: CuSeqlens, chunk: int) -> None:
        self.dtype = torch.float64 if q.dtype is torch.float64 else torch.float32
        self.groups, self.repeats, self.chunk = k.shape[0], q.shape[0] // k.shape[0], chunk
        self.key, self.value = k.shape[2], v.shape[2]
        largest = max(self.repeats * chunk * max(chunk, self.key, self.value), self.key * self.value)
        on_cpu = q.device.type == "cpu"
        self.plan = cut(cu.lengths, chunk, max(1, CACHED // largest) if on_cpu else ON_GPU, q.device)
        together = max(1, self.plan.most // self.plan.count) if on_cpu else self.groups
        self.head_ranges = [slice(g, min(g + together, self.groups)) for g in range(0, self.groups, together)]
        self.table = FactorTable(log, self.plan, self.repeats, self.value, self.dtype)
        self.scratch = Scratch(q.device, self.dtype)
        self.q, self.k, self.v = self.queries("q", q), self.keys("k", k), self.keys("v", v)

    def queries(self, name: str, whole_HTd: Tensor) -> Slot:
        return Slot(name, whole_HTd, self.repeats, self.chunk, self.scratch)

    def keys(self, name: str, whole_GTd: Tensor) -> Slot:
        return Slot(name, whole_GTd, 1, self.chunk, self.scratch)

    def states(self, name: str, piece: Piece, heads: slice) -> Tensor:
        """[G, n + 1, d, e]."""
        return self.scratch(name, heads.stop - heads.start, piece.count + 1, self.key, self.value)

    def times(self, name: str, x_N: Tensor, factor_N: Tensor) -> Tensor:
        return torch.mul(x_N, factor_N, out=self.scratch(name, *x_N.shape))

    def scores(self, name: str, a_NQd: Tensor, b_NCd: Tensor) -> Tensor:
        return torch.bmm(a_NQd, b_NCd.mT, out=self.scratch(name, *a_NQd.shape[:2], b_NCd.shape[1]))


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
        work = _Work(q, k, v, log, cu, chunk)
        out = torch.empty_like(q) if work.value == work.key else q.new_empty(*q.shape[:2], work.value)
        final = q.new_empty(work.groups, cu.count, work.key, work.value, dtype=work.dtype)
        kept = q.new_empty(len(work.plan.pieces), work.groups, work.key, work.value, dtype=work.dtype)
        slot = work.queries("out", out)
        for heads in work.head_ranges:
            past = None if initial is None else initial[heads]
            carry: Tensor | int = 0
            for piece in work.plan.pieces:
                if piece.opens is not None:
                    carry = 0 if past is None else past[:, piece.opens]
                kept[piece.number, heads] = carry
                carry = _forward_piece(work, piece, heads, kept, past, final[heads], slot)
        ctx.save_for_backward(q, k, v, log, initial, kept)
        ctx.cu, ctx.chunk = cu, chunk
        return out, final

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g_out, g_final = gradients
        q, k, v, log, initial, kept = ctx.saved_tensors
        work = _Work(q, k, v, log, ctx.cu, ctx.chunk)
        g = _Gradients(
            out=work.queries("g", g_out),
            final=g_final,
            q=work.queries("gq", torch.empty_like(q)),
            k=work.keys("gk", torch.empty_like(k)),
            v=work.keys("gv", torch.empty_like(v)),
            initial=None if initial is None else torch.empty_like(initial),
            sum_GMC=torch.empty_like(work.table.sum_GMC) if ctx.needs_input_grad[3] else None,
        )
        for heads in work.head_ranges:
            carry: Tensor | None = None
            for piece in reversed(work.plan.pieces):
                stop = g_final[heads, piece.closes] if carry is None or piece.closes is not None else carry
                carry = _backward_piece(work, piece, heads, kept, initial, stop, g)
        g_log = None
        if g.sum_GMC is not None:
            g_log = work.plan.join(g.sum_GMC.flip(-1).cumsum(-1).flip(-1)).to(log.dtype)
        return g.q.whole, g.k.whole, g.v.whole, g_log, g.initial, None, None


@dataclass(frozen=True, slots=True)
class _Gradients:
    """out, final: given. The others are written."""

    out: Slot
    final: Tensor
    q: Slot
    k: Slot
    v: Slot
    initial: Tensor | None
    sum_GMC: Tensor | None


def _forward_piece(
    work: _Work, piece: Piece, heads: slice, kept: Tensor, past: Tensor | None, final: Tensor, out: Slot
) -> Tensor:
    """Writes the outputs, and the states of the sequences that end; the state after the piece."""
    f = work.table.of(piece, heads)
    q_NQd, k_NCd, v_NCe = (slot.take(piece, heads) for slot in (work.q, work.k, work.v))
    states = _states(work, k_NCd, work.times("a", v_NCe, f.fall_NCe), kept, past, final, piece, heads, f)
    result = torch.bmm(q_NQd, _flat(states[:, :-1]), out=out.place(piece, heads)).mul_(f.rise_NQe)
    scores_NQC = work.scores("b", q_NQd, k_NCd).mul_(f.inside_NQC)
    out.put(result.baddbmm_(scores_NQC, v_NCe), piece, heads)
    return states[:, -1]


def _backward_piece(
    work: _Work, piece: Piece, heads: slice, kept: Tensor, initial: Tensor | None, stop: Tensor, g: _Gradients
) -> Tensor:
    """Writes the gradients; that of the state before the piece. stop: of the state after its last chunk."""
    f = work.table.of(piece, heads)
    q_NQd, k_NCd, v_NCe, g_NQe = (slot.take(piece, heads) for slot in (work.q, work.k, work.v, g.out))
    faded, risen = work.times("a", v_NCe, f.fall_NCe), work.times("b", g_NQe, f.rise_NQe)
    past = None if initial is None else initial[heads]
    states = _states(work, k_NCd, faded, kept, past, None, piece, heads, f)
    read = work.states("added", piece, heads)
    _multiply_into(read[:, :-1], q_NQd.mT, risen)
    read[:, -1] = stop
    g_past = None if g.initial is None else g.initial[heads]
    g_states = back(read, f, piece, g.final[heads], g_past, work.states("g_states", piece, heads))
    before, g_after = _flat(states[:, :-1]), _flat(g_states[:, 1:])

    dq = torch.bmm(risen, before.mT, out=g.q.place(piece, heads))
    dk = torch.bmm(faded, g_after.mT, out=g.k.place(piece, heads))
    dv = torch.bmm(k_NCd, g_after, out=g.v.place(piece, heads)).mul_(f.fall_NCe)
    scores_NQC, g_scores_NQC = work.scores("c", q_NQd, k_NCd), work.scores("d", g_NQe, v_NCe)
    scores_NQC.mul_(f.inside_NQC)
    if g.sum_GMC is not None:
        held_N = (before * g_after).sum((1, 2)) * f.end_Gn.flatten()
        products = scores_NQC * g_scores_NQC
        g_NC = sum_gradient(products, (q_NQd * dq).sum(-1), (k_NCd * dk).sum(-1), held_N)
        g.sum_GMC[heads, piece.chunks] = g_NC.unflatten(0, (-1, piece.count)).to(torch.float64)
    g_scores_NQC.mul_(f.inside_NQC)
    g.v.put(dv.baddbmm_(scores_NQC.mT, g_NQe), piece, heads)
    g.q.put(dq.baddbmm_(g_scores_NQC, k_NCd), piece, heads)
    g.k.put(dk.baddbmm_(g_scores_NQC.mT, q_NQd), piece, heads)
    return g_states[:, 0]


def _states(
    work: _Work,
    k_NCd: Tensor,
    faded_NCe: Tensor,
    kept: Tensor,
    past: Tensor | None,
    final: Tensor | None,
    piece: Piece,
    heads: slice,
    f: Factors,
) -> Tensor:
    """[G, n + 1, d, e]: before each chunk, and after the last."""
    added = work.states("added", piece, heads)
    added[:, 0] = kept[piece.number, heads]
    _multiply_into(added[:, 1:], k_NCd.mT, faded_NCe)
    return forth(added, f, piece, past, final, work.states("states", piece, heads))


def _flat(x_Gn: Tensor) -> Tensor:
    """[G, n, ...] -> [N, ...]; a view where one head is at hand."""
    return x_Gn[0] if x_Gn.shape[0] == 1 else x_Gn.flatten(0, 1)


def _multiply_into(target_Gn: Tensor, a_N: Tensor, b_N: Tensor) -> None:
    if target_Gn.shape[0] == 1:
        torch.bmm(a_N, b_N, out=target_Gn[0])
    else:
        target_Gn.copy_(torch.bmm(a_N, b_N).view(target_Gn.shape))
