"""Causal softmax attention, as it is.

Vaswani et al., "Attention Is All You Need", 2017 (arXiv 1706.03762), section 3.2.1.

    out_i = sum_{j <= i} exp(q_i . k_j / sqrt(d)) v_j / sum_{j <= i} exp(q_i . k_j / sqrt(d))

It has no mixer: a policy's softmax layers stay the model's own. Its state grows with the sequence, so an engine holds
it in pages, and there is neither a `step` nor a carried state here.
"""

from rlhf.attention.contract import Extras, Kernel
from rlhf.attention.kernels.softmax.chunk import chunk
from rlhf.attention.kernels.softmax.naive import naive
from rlhf.attention.spec import KernelSettings

KERNEL = Kernel("softmax", naive, chunk)


def extras_of(settings: KernelSettings) -> Extras:
    return Extras()


__all__ = ["KERNEL", "extras_of"]
