"""The gated delta rule in a layer (arXiv 2412.06464, sec. 3.4): short convolutions before, a gated norm behind."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from rlhf.attention.contract import Kernel, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gated_delta.chunk import chunk
from rlhf.attention.kernels.gated_delta.extras import GatedDeltaExtras, state_shapes
from rlhf.attention.kernels.gated_delta.naive import naive
from rlhf.attention.kernels.gated_delta.step import step
from rlhf.attention.kernels.gla.memory import lengths
from rlhf.attention.kernels.gla.output import GatedNorm
from rlhf.attention.mixers.base import Mixer, MixerShape, Projected, Rope, fill_normal
from rlhf.attention.mixers.short_conv import ShortConv
from rlhf.attention.rotary import rotate
from rlhf.attention.spec import KernelSettings

KERNEL = Kernel("gated_delta", naive, chunk, step, state_shapes)


class GatedDeltaMixer(Mixer):
    """beta = sigmoid(beta_in(x)), log a = -exp(A_log) softplus(decay_in(x) + dt_bias), keys and queries of length 1."""

    KERNEL = KERNEL

    def __init__(self, shape: MixerShape, settings: KernelSettings) -> None:
        super().__init__(shape, settings)
        heads = shape.kv_heads
        channels = (shape.heads + 2 * heads) * shape.head_dim
        self.conv = ShortConv(channels, self.settings.conv) if self.settings.conv else None
        self.beta_in = nn.Linear(shape.hidden, heads, bias=False)
        self.decay_in = nn.Linear(shape.hidden, heads, bias=False)
        self.A_log = nn.Parameter(torch.empty(heads))
        self.dt_bias = nn.Parameter(torch.empty(heads))
        self.output = GatedNorm(shape)

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        q, k, v = self.heads(hidden_TD)
        own: State = ()
        if self.conv is not None:
            heads = (q.shape[0], k.shape[0], v.shape[0])
            x_TC = torch.cat([q, k, v], 0).transpose(0, 1).flatten(1)
            y_TC, last_SCn = self.conv(x_TC, state[0] if state else None, cu_seqlens)
            q, k, v = y_TC.unflatten(-1, (sum(heads), -1)).transpose(0, 1).split(heads)
            own = (last_SCn,)
        if self.settings.activation == "silu":
            q, k, v = silu(q), silu(k), silu(v)
        if self.settings.rope == "inputs":
            q, k = rotate(q, *rope), rotate(k, *rope)
        return Projected(unit(q), unit(k), v, self.extras(hidden_TD, rope), own)

    def extras(self, hidden_TD: Tensor, rope: Rope) -> GatedDeltaExtras:
        # In float32 even of a bfloat16 model: a decay that forgets in 4,096 tokens lies 2.4e-4 below 1.
        beta, dt, a_log, dt_bias = working(self.beta_in(hidden_TD), self.decay_in(hidden_TD), self.A_log, self.dt_bias)
        log_decay_TG = -a_log.exp() * softplus(dt + dt_bias)
        return GatedDeltaExtras(log_decay_TG.T, beta.sigmoid().T)

    def finish(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        return self.o_proj(self.output(out_HTe, hidden_TD))

    @property
    def lookback(self) -> int:
        return 0 if self.conv is None else self.conv.width - 1

    def own_state_shapes(self) -> tuple[tuple[int, ...], ...]:
        return () if self.conv is None else (self.conv.state_shape(),)

    def reset(self, std: float) -> None:
        """Decays near 1, of another length in every head; a convolution that lets everything through; beta 1/2."""
        if self.conv is not None:
            self.conv.reset(std)
        fill_normal(self.beta_in.weight, std)
        fill_normal(self.decay_in.weight, std)
        with torch.no_grad():
            self.A_log.zero_()
            self.dt_bias.copy_(torch.log(torch.expm1(1 / lengths(self.shape.kv_heads))))
        self.output.reset(std)


def unit(x_HTd: Tensor) -> Tensor:
    """Vectors of length 1 (a zero vector stays zero)."""
    (x,) = working(x_HTd)
    return (x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)).to(x_HTd.dtype)
