"""Attention by its definition: all scores of a sequence, and a mask that says which of them count."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import torch
from torch import Tensor

from rlhf.attention.contract import State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens

Seen = Callable[[slice], Tensor]
"""(the sequence's tokens on the packed axis) -> bool [..., L, L] (query, key): what is seen; every query something."""


def masked_attention(q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, seen: Seen, cu_seqlens: CuSeqlens) -> Tensor:
    """softmax(q . k / sqrt(d)) over what is seen, times v; quadratic in every sequence. [H, T, e] in q's dtype."""
    heads = q_HTd.shape[0]
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    outputs = []
    for span in cu_seqlens.spans():
        scores = q[:, span] @ repeat_heads(k[:, span], heads).mT / sqrt(q.shape[-1])
        weights = scores.masked_fill(~seen(span), -torch.inf).softmax(-1)
        outputs.append(weights @ repeat_heads(v[:, span], heads))
    return torch.cat(outputs, 1).to(q_HTd.dtype)


def distances(length: int, device: torch.device) -> Tensor:
    """[L, L]: how many tokens before the query (row) the key (column) stands; negative: after it."""
    at = torch.arange(length, device=device)
    return at[:, None] - at[None, :]


def refuse_state(name: str, state: State | None) -> None:
    if state is not None:
        raise ValueError(f"attention {name} has no state of constant size, so none can be carried")
