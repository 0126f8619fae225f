"""x"""
from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.gla.chunk import chunk
from rlhf.attention.kernels.gla.extras import GatedLinearExtras, state_shapes
from rlhf.attention.kernels.gla.naive import naive
from rlhf.attention.kernels.gla.step import step

KERNEL = Kernel("gla", naive, chunk, step, state_shapes)
GatedLinearMixer=None
