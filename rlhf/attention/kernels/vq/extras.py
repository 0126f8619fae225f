"""What Transformer-VQ is given, its state, and the rounding of keys to codes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.contract import Aux, Extras, HeadShape, State, per

BLOCK = 64
NEAREST_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class VqExtras(Extras):
    """codebook: n codes of each key-value head; takes no gradient.

    codes: number of each key's code, int64; None: the nearest. scale: of the scores; None: 1 / sqrt(d).
    block: tokens of a block, counted in every sequence from the first token given. It decides where gradients go
    straight through, and nothing else: outputs are the same wherever a carried state cuts a sequence.
    """

    codebook_Gcd: Tensor = per("Gcd")
    codes_GT: Tensor | None = per("GT", optional=True)
    scale: float | None = None
    block: int = BLOCK


def state_shapes(shape: HeadShape, extras: VqExtras) -> tuple[tuple[int, ...], ...]:
    """By code: the sum of its keys' values, and their number (without gradient)."""
    codes = extras.codebook_Gcd.shape[1]
    return (shape.kv_heads, codes, shape.value), (shape.kv_heads, codes)


def past_sums(state: State | None) -> Tensor | None:
    """The state's sums and numbers side by side, [S, G, c, e + 1]. What stands at a code that has no keys is nothing,
    also to the gradient."""
    if state is None:
        return None
    number = state[1].detach()[..., None]
    return torch.cat([state[0] * (number > 0), number], -1)


def scale_of(extras: VqExtras) -> float:
    return extras.codebook_Gcd.shape[-1] ** -0.5 if extras.scale is None else extras.scale


def nearest(k_GTd: Tensor, codebook_Gcd: Tensor) -> Tensor:
    """[G, T]: argmin_c |k - C_c|^2 = argmax_c k . C_c - |C_c|^2 / 2, some tokens at a time."""
    with torch.no_grad():
        half_square_G1c = codebook_Gcd.square().sum(-1)[:, None] / 2
        parts = k_GTd.split(NEAREST_TOKENS, 1)
        found = [torch.baddbmm(half_square_G1c, part, codebook_Gcd.mT, beta=-1).argmax(-1) for part in parts]
        return torch.cat(found, 1)


def of_code(table_Gcx: Tensor, codes_GT: Tensor) -> Tensor:
    """[G, T, x]: the row of every token's code."""
    return table_Gcx.flatten(0, 1).index_select(0, _rows(codes_GT, table_Gcx.shape[1])).view(*codes_GT.shape, -1)


def sum_by_code(x_GTx: Tensor, codes_GT: Tensor, count: int) -> Tensor:
    """[G, c, x]: the sum of each code's tokens."""
    out = x_GTx.new_zeros(codes_GT.shape[0] * count, x_GTx.shape[-1])
    return out.index_add(0, _rows(codes_GT, count), x_GTx.flatten(0, 1)).view(codes_GT.shape[0], count, -1)


def _rows(codes_GT: Tensor, count: int) -> Tensor:
    offset_G = torch.arange(codes_GT.shape[0], device=codes_GT.device) * count
    return (codes_GT + offset_G[:, None]).flatten()


def rounded(k_GTd: Tensor, extras: VqExtras, codebook_Gcd: Tensor) -> tuple[Tensor, Tensor]:
    """(codes [G, T], k^ [G, T, d]: the codes' values, exactly, with the keys' gradient)."""
    codes_GT = nearest(k_GTd, codebook_Gcd) if extras.codes_GT is None else extras.codes_GT
    return codes_GT, of_code(codebook_Gcd, codes_GT) + (k_GTd - k_GTd.detach())


def aux(k_GTd: Tensor, rounded_GTd: Tensor, codes_GT: Tensor, codes: int) -> Aux:
    """commitment: |k - C_c|^2, summed over d and averaged over the key-value heads, of each token.

    count_Gc, sum_Gcd: number and sum of each code's keys.
    """
    key = k_GTd.detach()
    ones = key.new_ones(*codes_GT.shape, 1)
    return Aux(
        {"commitment": (k_GTd - rounded_GTd.detach()).square().sum(-1).mean(0)},
        {
            "count_Gc": sum_by_code(ones, codes_GT, codes).squeeze(-1),
            "sum_Gcd": sum_by_code(key, codes_GT, codes),
        },
    )
