"""Forward and backward of some heads, piece by piece.

Axes: H query heads, G key-value heads (at hand), T packed tokens, d key size, e value size, S sequences, P pieces;
within a piece n chunks of C tokens, N = G * n, Q = H // G * C query rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay.factors import Factors, FactorTable
from rlhf.attention.decay.operands import Scratch, Slot
from rlhf.attention.decay.plan import Piece, cut
from rlhf.attention.decay.recurrence import back, forth, sum_gradient

CACHED = 17 << 12
"""Elements that an operand of a piece may have for each thread of a CPU: about ten are in use, 272 KiB each. So many
that 16 chunks of 64 tokens go together at a head size of 64, with a column of normalisers too."""
ON_GPU = 64
"""Chunks of a piece on a GPU, for all heads at once."""


class Setup:
    """What forward and backward share: the plan, the decays, which heads go together."""

    def __init__(self, q: Tensor, k: Tensor, v: Tensor, log: Tensor, scale: float, cu: CuSeqlens, chunk: int) -> None:
        self.dtype = torch.float64 if q.dtype is torch.float64 else torch.float32
        groups, key, value = k.shape[0], k.shape[2], v.shape[2]
        self.repeats = q.shape[0] // groups
        largest = max(self.repeats * chunk * max(chunk, key, value), key * value)
        on_cpu = q.device.type == "cpu"
        most = max(1, CACHED * torch.get_num_threads() // largest) if on_cpu else ON_GPU
        count = sum(-(-length // chunk) for length in cu.lengths)
        self.plan = cut(cu.lengths, chunk, -(-count // -(-count // most)), q.device)  # pieces of about the same size
        together = max(1, most // count) if on_cpu else groups
        self.head_ranges = [slice(g, min(g + together, groups)) for g in range(0, groups, together)]
        self.table = FactorTable(log, scale, self.plan, self.repeats, value, self.dtype)


class Pass:
    """The operands of the heads at hand, and scratch memory."""

    def __init__(self, setup: Setup, heads: slice, q: Tensor, k: Tensor, v: Tensor, scratch: Scratch) -> None:
        self.setup, self.heads, self.scratch = setup, heads, scratch
        self.state = heads.stop - heads.start, k.shape[2], v.shape[2]
        self.q, self.k, self.v = self.queries("q", q), self.keys("k", k), self.keys("v", v)

    def queries(self, name: str, whole_HTd: Tensor) -> Slot:
        return Slot(name, whole_HTd, self.heads, self.setup.repeats, self.setup.plan, self.scratch)

    def keys(self, name: str, whole_GTd: Tensor) -> Slot:
        return Slot(name, whole_GTd, self.heads, 1, self.setup.plan, self.scratch)

    def factors(self, piece: Piece) -> Factors:
        return self.setup.table.of(piece, self.heads)

    def places(self, piece: Piece, name: str = "") -> Tensor:
        """[G, n + 1, d, e]."""
        groups, key, value = self.state
        return self.scratch("places " + name, groups, piece.count + 1, key, value)

    def times(self, name: str, x_N: Tensor, factor_N: Tensor) -> Tensor:
        return torch.mul(x_N, factor_N, out=self.scratch(name, *x_N.shape))

    def scores(self, name: str, a_NQd: Tensor, b_NCd: Tensor) -> Tensor:
        return torch.bmm(a_NQd, b_NCd.mT, out=self.scratch(name, *a_NQd.shape[:2], b_NCd.shape[1]))


def forward_heads(at: Pass, initial_GSde: Tensor | None, states_GLde: Tensor, out: Slot, final_GSde: Tensor) -> None:
    """Writes the outputs, the states before and after each piece's chunks, L of them, and those after each sequence."""
    carry_Gde: Tensor | int = 0
    for piece in at.setup.plan.pieces:
        f = at.factors(piece)
        q_NQd, k_NCd, v_NCe = at.q.take(piece), at.k.take(piece), at.v.take(piece)
        if piece.opens is not None:
            carry_Gde = 0 if initial_GSde is None else initial_GSde[:, piece.opens]
        added = at.places(piece)
        added[:, 0] = carry_Gde
        _multiply_into(added[:, 1:], k_NCd.mT, at.times("a", v_NCe, f.fall_NCe))
        states = states_GLde[:, piece.places]
        forth(added, f, piece, initial_GSde, final_GSde, states)
        result = torch.bmm(q_NQd, _flat(states[:, :-1]), out=out.place(piece)).mul_(f.rise_NQe)
        scores_NQC = at.scores("a", q_NQd, k_NCd).mul_(f.inside_NQC)
        out.put(result.baddbmm_(scores_NQC, v_NCe), piece)
        carry_Gde = states[:, -1]


@dataclass(frozen=True, slots=True)
class Gradients:
    """Of the heads at hand. out and final are given, the others written.

    sum_GMC: of the running sums L of log-decays within each chunk: dL_i = q_i . dq_i - k_i . dk_i, without the pairs
    i = j in which L cancels, and at the end of a chunk also state . dstate.
    """

    out: Slot
    final_GSde: Tensor
    q: Slot
    k: Slot
    v: Slot
    initial_GSde: Tensor | None
    sum_GMC: Tensor | None


def backward_heads(at: Pass, states_GLde: Tensor, g: Gradients) -> None:
    carry_Gde: Tensor | None = None
    for piece in reversed(at.setup.plan.pieces):
        f = at.factors(piece)
        q_NQd, k_NCd, v_NCe, g_NQe = (slot.take(piece) for slot in (at.q, at.k, at.v, g.out))
        faded, risen = at.times("a", v_NCe, f.fall_NCe), at.times("b", g_NQe, f.rise_NQe)
        read, g_states = at.places(piece), at.places(piece, "of gradients")
        _multiply_into(read[:, :-1], q_NQd.mT, risen)
        read[:, -1] = carry_Gde if piece.closes is None else g.final_GSde[:, piece.closes]
        back(read, f, piece, g.final_GSde, g.initial_GSde, g_states)
        before, g_after = _flat(states_GLde[:, piece.places][:, :-1]), _flat(g_states[:, 1:])
        carry_Gde = g_states[:, 0]

        dq = torch.bmm(risen, before.mT, out=g.q.place(piece))
        dk = torch.bmm(faded, g_after.mT, out=g.k.place(piece))
        dv = torch.bmm(k_NCd, g_after, out=g.v.place(piece)).mul_(f.fall_NCe)
        # in the memory of faded and risen, which have served
        scores_NQC, g_scores_NQC = at.scores("a", q_NQd, k_NCd), at.scores("b", g_NQe, v_NCe)
        scores_NQC.mul_(f.inside_NQC)
        if g.sum_GMC is not None:
            rows_NQ, columns_NC = (q_NQd * dq).sum(-1), (k_NCd * dk).sum(-1)
            held_N = (before * g_after).sum((1, 2)) * f.end_Gn.flatten()
            found_NC = sum_gradient(scores_NQC * g_scores_NQC, rows_NQ, columns_NC, held_N)
            g.sum_GMC[:, piece.chunks] = found_NC.unflatten(0, (-1, piece.count))
        g_scores_NQC.mul_(f.inside_NQC)
        g.v.put(dv.baddbmm_(scores_NQC.mT, g_NQe), piece)
        g.q.put(dq.baddbmm_(g_scores_NQC, k_NCd), piece)
        g.k.put(dk.baddbmm_(g_scores_NQC.mT, q_NQd), piece)


def _flat(x_Gn: Tensor) -> Tensor:
    """[G, n, ...] -> [N, ...]; a view where one head is at hand."""
    return x_Gn[0] if x_Gn.shape[0] == 1 else x_Gn.flatten(0, 1)


def _multiply_into(target_Gn: Tensor, a_N: Tensor, b_N: Tensor) -> None:
    if target_Gn.shape[0] == 1:
        torch.bmm(a_N, b_N, out=target_Gn[0])
    else:
        target_Gn.copy_(torch.bmm(a_N, b_N).view(target_Gn.shape))
