"""What stands behind the gated recurrences: a norm in every head, and a swish gate (arXiv 2312.06635, sec. 4.4;
arXiv 2412.06464, fig. 1). The state's size follows the decays and the length of the past; the norm takes that away."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import silu

from rlhf.attention.mixers.base import MixerShape, fill_normal
from rlhf.attention.mixers.norm import RMSNorm

OPEN = 1.278464542761074
"""silu(OPEN) = 1: at its start the gate lets everything through, and a small change of its input moves it."""

START = 0.25
"""Of the norm's weights. A softmax layer gives averages of values, well below 1: 0.1 to 0.6 (root mean square of a
head) in most layers of SmolLM2-135M. Starting there, a converted layer does not drown the residual stream."""


class GatedNorm(nn.Module):
    """[H, T, e], [T, D] -> [T, H * e]: norm(out) * silu(gate(hidden))."""

    def __init__(self, shape: MixerShape) -> None:
        super().__init__()
        self.norm = RMSNorm(shape.head_dim, shape.norm_eps)
        self.gate = nn.Linear(shape.hidden, shape.heads * shape.head_dim)

    def forward(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        return self.norm(out_HTe).transpose(0, 1).flatten(1) * silu(self.gate(hidden_TD))

    def reset(self, std: float) -> None:
        nn.init.constant_(self.norm.weight, START)
        fill_normal(self.gate.weight, std)
        nn.init.constant_(self.gate.bias, OPEN)
