"""Linear attention in a layer: the projections of a softmax layer and nothing new."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import Kernel, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.linear.chunk import chunk
from rlhf.attention.kernels.linear.extras import LinearExtras, state_shapes
from rlhf.attention.kernels.linear.naive import naive
from rlhf.attention.kernels.linear.step import step
from rlhf.attention.mixers.base import Mixer, Projected, Rope
from rlhf.attention.rotary import rotate

KERNEL = Kernel("linear", naive, chunk, step, state_shapes, scaled=False)


class LinearMixer(Mixer):
    KERNEL = KERNEL

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        q, k, v = self.heads(hidden_TD)
        if self.settings.rope == "inputs":
            q, k = rotate(q, *rope), rotate(k, *rope)
        return Projected(q, k, v, LinearExtras(*rope) if self.settings.rope == "features" else LinearExtras())

    def static_extras(self) -> LinearExtras:
        return LinearExtras()
