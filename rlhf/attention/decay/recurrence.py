"""The states between the chunks of a piece, and their gradients: one small matrix of decays times what each chunk adds.

Axes: G key-value heads at hand, n chunks of a piece, d key size, e value size, S sequences. Place 0 of n + 1 is before
the piece's first chunk, place i + 1 after its chunk i.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.decay.factors import Factors
from rlhf.attention.decay.plan import Piece


def forth(
    added: Tensor,
    f: Factors,
    piece: Piece,
    initial_GSde: Tensor | None,
    final_GSde: Tensor | None,
    states: Tensor,
) -> Tensor:
    """`states` [G, n + 1, d, e], written: the state at each place; where a sequence begins, that sequence's.

    added: the state at place 0, then what each chunk adds; changed. Writes into `final` the states after the sequences
    that end in the piece.
    """
    if piece.turns is not None and initial_GSde is not None:
        starts = initial_GSde[:, piece.turned] * _at(f.end_Gn, piece.turns)
        added.index_add_(1, piece.turns + 1, starts)
    torch.bmm(f.forth, added.flatten(2), out=states.flatten(2))
    if final_GSde is not None and piece.closes is not None:
        final_GSde[:, piece.closes] = states[:, -1]
    if piece.turns is not None:
        if final_GSde is not None:
            final_GSde[:, piece.ended] = states.index_select(1, piece.turns)
        if initial_GSde is None:
            states.index_fill_(1, piece.turns, 0)
        else:
            states.index_copy_(1, piece.turns, initial_GSde[:, piece.turned])
    return states


def back(
    read: Tensor,
    f: Factors,
    piece: Piece,
    g_final_GSde: Tensor,
    g_initial_GSde: Tensor | None,
    g_states: Tensor,
) -> Tensor:
    """`g_states` [G, n + 1, d, e], written: gradients of the states at each place; where a sequence ends, that one's.

    read: the gradients through what each chunk reads, then the gradient at the last place; changed. Writes into
    `g_initial` the gradients of the states before the sequences that begin in the piece.
    """
    if piece.turns is not None:
        stops = g_final_GSde[:, piece.ended]
        read.index_add_(1, piece.turns - 1, stops * _at(f.end_Gn, piece.turns - 1))
    torch.bmm(f.back, read.flatten(2), out=g_states.flatten(2))
    if g_initial_GSde is not None:
        if piece.opens is not None:
            g_initial_GSde[:, piece.opens] = g_states[:, 0]
        if piece.turns is not None:
            g_initial_GSde[:, piece.turned] = g_states.index_select(1, piece.turns)
    if piece.turns is not None:
        g_states.index_copy_(1, piece.turns, g_final_GSde[:, piece.ended])
    return g_states


def _at(end_Gn: Tensor, chunks: Tensor) -> Tensor:
    return end_Gn.index_select(1, chunks)[..., None, None]


def sum_gradient(products_NQC: Tensor, rows_NQ: Tensor, columns_NC: Tensor, held_N: Tensor) -> Tensor:
    """[N, C], of each token's running sum L of log-decays within its chunk.

    products: scores * their gradients. rows: q . dq of what comes from chunks before. columns: k . dk of what goes into
    the state after the chunk. held: state before . gradient of the state after * the chunk's decay.
    """
    products = products_NQC.unflatten(1, (-1, products_NQC.shape[2]))
    products.diagonal(dim1=-2, dim2=-1).zero_()
    rows = (products.sum(-1) + rows_NQ.unflatten(1, (-1, products.shape[3]))).sum(1)
    running = rows - products.sum((1, 2)) - columns_NC
    running[:, -1] += held_N + columns_NC.sum(-1)
    return running
