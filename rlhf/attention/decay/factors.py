"""The decays within a piece: between its tokens, and between its chunks.

Axes: G key-value heads, n chunks of a piece, C tokens of a chunk, Q = repeats * C query rows of a key-value head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.decay.plan import Piece


@dataclass(frozen=True, slots=True)
class Factors:
    """n may be 1 where every chunk has the same, and e 1 where every channel has.

    rise_GnQe: decay since the chunk's start. fall_GnCe: until its end. inside_GnQC: between two of its tokens, 0 above
    the diagonal. end_Gn11: over the chunk. forth_Gnn: what an addition of a chunk is after another, 0 for another
    sequence. back_Gnn: what a gradient before a chunk is of one after another.
    """

    rise_GnQe: Tensor
    fall_GnCe: Tensor
    inside_GnQC: Tensor
    end_Gn11: Tensor
    forth_Gnn: Tensor
    back_Gnn: Tensor

    def spread(self, value: int) -> Factors:
        """With e = value channels: quicker to multiply by, dearer to make."""
        rise, fall = (x.expand(-1, -1, -1, value).contiguous() for x in (self.rise_GnQe, self.fall_GnCe))
        return Factors(rise, fall, self.inside_GnQC, self.end_Gn11, self.forth_Gnn, self.back_Gnn)


def factors(log_GnC: Tensor, piece: Piece, repeats: int, dtype: torch.dtype) -> Factors:
    """log_GnC: log-decays of the piece's tokens, 0 beyond a sequence's end; n = 1: of each of its chunks.

    Sums and their differences are float64: a small difference of two large sums must still be right.
    """
    sum_GnC = log_GnC.to(torch.float64).cumsum(-1)
    whole_Gn = sum_GnC[..., -1]
    after_Gn = whole_Gn.expand(-1, piece.count).cumsum(-1)
    before_Gn = after_Gn - whole_Gn
    inside = (sum_GnC[..., :, None] - sum_GnC[..., None, :]).to(dtype).exp_().tril_()
    forth = (after_Gn[:, :, None] - after_Gn[:, None, :]).to(dtype).exp_().tril_()
    back = (before_Gn[:, None, :] - before_Gn[:, :, None]).to(dtype).exp_().triu_()
    if piece.apart_nn is not None:
        forth, back = forth.masked_fill_(piece.apart_nn, 0), back.masked_fill_(piece.apart_nn, 0)
    return Factors(
        rise_GnQe=sum_GnC.exp().to(dtype).repeat(1, 1, repeats)[..., None],
        fall_GnCe=(whole_Gn[..., None] - sum_GnC).exp().to(dtype)[..., None],
        inside_GnQC=inside.repeat(1, 1, repeats, 1) if repeats > 1 else inside,
        end_Gn11=whole_Gn.exp().to(dtype)[..., None, None],
        forth_Gnn=forth,
        back_Gnn=back,
    )
