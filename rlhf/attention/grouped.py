"""Grouped queries in chunks: the query heads that share a key-value head as more rows of it."""

from __future__ import annotations

from torch import Tensor


def fold(x_HMCd: Tensor, groups: int) -> Tensor:
    """[H, M, C, d] -> [G, M, R * C, d] with R = H // G: the rows of the R query heads one after the other."""
    heads = x_HMCd.shape[0]
    if heads == groups:
        return x_HMCd
    return x_HMCd.unflatten(0, (groups, heads // groups)).transpose(1, 2).flatten(2, 3)


def unfold(x_GMRe: Tensor, heads: int) -> Tensor:
    """[G, M, R * C, e] -> [H, M, C, e]."""
    repeats = heads // x_GMRe.shape[0]
    if repeats == 1:
        return x_GMRe
    return x_GMRe.unflatten(2, (repeats, -1)).transpose(1, 2).flatten(0, 1)


def causal(scores_GMRC: Tensor, repeats: int) -> Tensor:
    """[G, M, R * C, C] with zeros above the diagonal of each of the R squares."""
    if repeats == 1:
        return scores_GMRC.tril()
    return scores_GMRC.unflatten(2, (repeats, -1)).tril().flatten(2, 3)
