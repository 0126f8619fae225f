"""The largest value so far, at the start of every chunk."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout


def running_max(top_GM: Tensor, initial_SG: Tensor | None, layout: ChunkLayout) -> tuple[Tensor, Tensor]:
    """(before [G, M]: the largest of the sequence's chunks before this one, final [S, G]), from each chunk's largest.

    initial_SG: of what came before each sequence. -inf where there was nothing.
    """
    groups, waves = top_GM.shape[0], len(layout.waves)
    sequences = layout.order_S.shape[0]
    wave_M = torch.arange(waves).repeat_interleave(torch.tensor(layout.waves)).to(top_GM.device)
    grid_GSW = top_GM.new_full((groups, sequences, waves + 1), -torch.inf)
    grid_GSW[:, layout.sequence_M, wave_M + 1] = top_GM
    if initial_SG is not None:
        grid_GSW[:, :, 0] = initial_SG.T
    grid_GSW = grid_GSW.cummax(-1).values
    return grid_GSW[:, layout.sequence_M, wave_M], grid_GSW[:, :, -1].T
