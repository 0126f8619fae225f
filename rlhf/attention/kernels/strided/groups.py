"""Which chunks a chunk of queries sees, and which of their keys, in the waves of a ChunkLayout.

The tiles of wave w are the first chunks of wave w - 1's sequences' next ones: chunk r of wave w follows chunk r of wave
w - 1. Keys beyond a sequence's end stand behind its last query, so the mask of the future hides them.
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.kernels.softmax.tiles import Group


def band_groups(layout: ChunkLayout, local: int, repeats: int, like: Tensor) -> list[Group]:
    """The last `local` tokens. Waves whose chunks have all their neighbours before them are one group."""
    before = -(-(local - 1) // layout.size)
    groups = [_group(layout, w, w + 1, w, (0, local), repeats, like) for w in range(min(before, len(layout.waves)))]
    if len(layout.waves) > before:
        groups.append(_group(layout, before, len(layout.waves), before, (0, local), repeats, like))
    return groups


def column_groups(layout: ChunkLayout, skip: int, repeats: int, like: Tensor) -> list[Group]:
    """All tokens before but for the nearest `skip`, the token itself counted."""
    return [_group(layout, w, w + 1, w, (skip, None), repeats, like) for w in range(len(layout.waves))]


def _group(
    layout: ChunkLayout, wave: int, end: int, before: int, band: tuple[int, int | None], repeats: int, like: Tensor
) -> Group:
    """Waves [wave, end), each chunk with `before` ones before it; keys at distances [band[0], band[1]) are seen."""
    starts = list(accumulate(layout.waves, initial=0))
    blocks = np.concatenate(
        [
            np.stack([np.arange(layout.waves[w]) + starts[w - b] for b in range(before, -1, -1)], 1)
            for w in range(wave, end)
        ]
    )
    row = torch.arange(layout.size, device=like.device) + before * layout.size
    back = row[:, None] - torch.arange((before + 1) * layout.size, device=like.device)
    seen = back >= band[0] if band[1] is None else (back >= band[0]) & (back < band[1])
    bias = torch.zeros(seen.shape, dtype=like.dtype, device=like.device).masked_fill_(~seen, -torch.inf)
    own = before == 0
    return Group(
        starts[wave],
        starts[end],
        None if own else torch.from_numpy(blocks).to(like.device),
        bias.repeat(repeats, 1),
    )
