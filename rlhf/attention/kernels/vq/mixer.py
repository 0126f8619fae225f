from __future__ import annotations

import torch
from torch import Tensor, nn

from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.vq.chunk import chunk
from rlhf.attention.kernels.vq.extras import VqExtras, state_shapes
from rlhf.attention.kernels.vq.naive import naive
from rlhf.attention.kernels.vq.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Rope

KERNEL = Kernel("vq", naive, chunk, step, state_shapes)


class VqMixer(Mixer):
    KERNEL = KERNEL
