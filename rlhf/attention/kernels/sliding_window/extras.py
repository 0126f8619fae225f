"""What sliding-window attention is given, and its state: a ring of the last `window` keys and values.

Axes: W slots of the ring (its window), S sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.specs.windows import SlidingWindowSettings


@dataclass(frozen=True, slots=True)
class SlidingWindowExtras(Extras):
    """window: tokens, the current one included, at least 1. scale: of q . k; None: 1 / sqrt(key size)."""

    window: int = 128
    scale: float | None = None

    def scale_for(self, key_size: int) -> float:
        return key_size**-0.5 if self.scale is None else self.scale


def extras_of(settings: SlidingWindowSettings) -> SlidingWindowExtras:
    return SlidingWindowExtras(settings.window, settings.scale)


def state_shapes(shape: HeadShape, extras: SlidingWindowExtras) -> tuple[tuple[int, ...], ...]:
    """Keys, values (empty slots zero), and the number of tokens so far (as a float: exact up to 2^24)."""
    return (shape.kv_heads, extras.window, shape.key), (shape.kv_heads, extras.window, shape.value), (1,)


def tokens_so_far(state: State | None, sequences: int, device: torch.device) -> Tensor:
    """[S] int64."""
    if state is None:
        return torch.zeros(sequences, dtype=torch.int64, device=device)
    return state[2].detach().squeeze(1).to(torch.int64)


def ring_positions(count_S: Tensor, window: int) -> Tensor:
    """[S, W] position of the token that each slot holds after `count_S` tokens; negative: the slot is empty."""
    last_S1 = count_S[:, None] - 1
    return last_S1 - (last_S1 - torch.arange(window, device=count_S.device)) % window


def remember(k_GTd: Tensor, v_GTe: Tensor, state: State | None, cu_seqlens: CuSeqlens, window: int) -> State:
    """The state after each sequence's last token."""
    device = k_GTd.device
    past_S = tokens_so_far(state, cu_seqlens.count, device)
    count_S = past_S + torch.tensor(cu_seqlens.lengths, device=device)
    token_SW = ring_positions(count_S, window) - past_S[:, None]
    start_S = torch.tensor(cu_seqlens.offsets[:-1], device=device)
    index = (start_S[:, None] + token_SW.clamp(min=0)).flatten()
    new_S1W1 = (token_SW >= 0)[:, None, :, None]

    def ring(x_GTd: Tensor, old_SGWd: Tensor | None) -> Tensor:
        latest_SGWd = x_GTd.index_select(1, index).unflatten(1, token_SW.shape).transpose(0, 1)
        return torch.where(new_S1W1, latest_SGWd, 0.0 if old_SGWd is None else old_SGWd)

    keys, values = (None, None) if state is None else state[:2]
    return ring(k_GTd, keys), ring(v_GTe, values), count_S[:, None].to(k_GTd.dtype)
