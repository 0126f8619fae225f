"""Softmax attention inside blocks that do not overlap: TransNormer's "DiagAttention", for low layers.

Qin et al., "The Devil in Linear Transformer", 2022 (arXiv 2210.10340), sec. 4.2, in causal form. With b(i) = i div
block, positions counted from the sequence's start:

    out_i = sum_{j <= i, b(j) = b(i)} softmax_j(q_i . k_j / sqrt(d)) v_j
"""

from rlhf.attention.kernels.block_local.extras import extras_of
from rlhf.attention.kernels.block_local.mixer import KERNEL, BlockLocalMixer

MIXER = BlockLocalMixer

__all__ = ["KERNEL", "MIXER", "extras_of"]
