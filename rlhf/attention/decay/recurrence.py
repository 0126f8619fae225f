"""The states between the chunks of a piece, and their gradients: of one sequence, a small matrix of decays times what
each chunk adds; of several, chunk by chunk, since a zero in a matrix would not hold off what is not finite next door.

Axes: G key-value heads at hand, n chunks of a piece, d key size, e value size, S sequences. Place 0 of n + 1 is before
the piece's first chunk, place i + 1 after its chunk i.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.decay.factors import Factors
from rlhf.attention.decay.plan import Piece


def forth(
    added: Tensor, f: Factors, piece: Piece, initial_GSde: Tensor | None, final_GSde: Tensor | None, states: Tensor
) -> None:
    """`states` [G, n + 1, d, e], written: the state at each place; where a sequence begins, that sequence's.

    added: the state at place 0, then what each chunk adds. Writes into `final` the states after the sequences that end
    in the piece.
    """
    if not piece.turns:
        torch.bmm(f.between, added.flatten(2), out=states.flatten(2))
    else:
        end_Gn11 = f.end_Gn[..., None, None]
        states[:, 0] = added[:, 0]
        for i in range(piece.count):
            if i in piece.turns:
                if final_GSde is not None:
                    final_GSde[:, piece.turns[i] - 1] = states[:, i]
                states[:, i] = 0 if initial_GSde is None else initial_GSde[:, piece.turns[i]]
            torch.addcmul(added[:, i + 1], states[:, i], end_Gn11[:, i], out=states[:, i + 1])
    if final_GSde is not None and piece.closes is not None:
        final_GSde[:, piece.closes] = states[:, -1]


def back(
    read: Tensor, f: Factors, piece: Piece, g_final_GSde: Tensor, g_initial_GSde: Tensor | None, g_states: Tensor
) -> None:
    """`g_states` [G, n + 1, d, e], written: gradients of the states at each place; where a sequence ends, that one's.

    read: the gradients through what each chunk reads, then the gradient at the last place. Writes into `g_initial` the
    gradients of the states before the sequences that begin in the piece.
    """
    if not piece.turns:
        torch.bmm(f.between.mT, read.flatten(2), out=g_states.flatten(2))
    else:
        end_Gn11 = f.end_Gn[..., None, None]
        g_states[:, -1] = read[:, -1]
        for i in range(piece.count - 1, -1, -1):
            torch.addcmul(read[:, i], g_states[:, i + 1], end_Gn11[:, i], out=g_states[:, i])
            if i in piece.turns:
                if g_initial_GSde is not None:
                    g_initial_GSde[:, piece.turns[i]] = g_states[:, i]
                g_states[:, i] = g_final_GSde[:, piece.turns[i] - 1]
    if g_initial_GSde is not None and piece.opens is not None:
        g_initial_GSde[:, piece.opens] = g_states[:, 0]


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
