"""Which chunks a chunk of queries sees, and which of their keys, in the waves of a ChunkLayout.

Chunk r of a wave goes on where chunk r of the wave before ends. Keys beyond a sequence's end stand behind its last
query, so that what hides the future hides them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.kernels.softmax.tiles import Group

Seen = Callable[[Tensor], Tensor]
"""(how many tokens a key stands before a query; negative: after it) -> is it seen? No key of the future may be."""


def band_groups(layout: ChunkLayout, local: int, repeats: int, like: Tensor) -> list[Group]:
    """The last `local` tokens, the token itself counted. repeats: query heads of a key-value head."""

    def seen(back: Tensor) -> Tensor:
        return (back >= 0) & (back < local)

    waves, reach = len(layout.waves), -(-(local - 1) // layout.size)
    # A sequence's first chunks have fewer before them than the band reaches; all others are one group.
    groups = [_group(layout, range(w, w + 1), w, seen, repeats, like) for w in range(min(reach, waves))]
    if waves > reach:
        groups.append(_group(layout, range(reach, waves), reach, seen, repeats, like))
    return groups


def causal_groups(layout: ChunkLayout, skip: int, repeats: int, like: Tensor) -> list[Group]:
    """All tokens before but for the last `skip`, the token itself counted."""

    def seen(back: Tensor) -> Tensor:
        return back >= skip

    return [_group(layout, range(w, w + 1), w, seen, repeats, like) for w in range(len(layout.waves))]


def _group(layout: ChunkLayout, waves: range, before: int, seen: Seen, repeats: int, like: Tensor) -> Group:
    """The chunks of these waves, each with the `before` ones before it."""
    start_w = list(accumulate(layout.waves, initial=0))
    row = torch.arange(layout.size, device=like.device) + before * layout.size
    hidden = ~seen(row[:, None] - torch.arange((before + 1) * layout.size, device=like.device))
    bias = torch.zeros(hidden.shape, dtype=like.dtype, device=like.device).masked_fill_(hidden, -torch.inf)
    blocks = None
    if before:
        rows = [
            np.stack([np.arange(layout.waves[w]) + start_w[w - b] for b in range(before, -1, -1)], 1) for w in waves
        ]
        blocks = torch.from_numpy(np.concatenate(rows)).to(like.device)
    return Group(start_w[waves.start], start_w[waves.stop], blocks, bias.repeat(repeats, 1))
