"""A mixer takes the place of a layer's `self_attn`: it makes q, k, v and extras, runs a kernel, and projects back.

The same module stands in the learner's model (transformers) and in the engine's (vLLM), so both compute the same
function. Its projections have the names that Llama and Qwen give theirs, so that a pretrained layer's weights fit.

Axes: T packed tokens, D hidden size, H query heads, G key-value heads, d head size, e value size, S sequences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rlhf.attention.contract import Aux, Extras, FormName, HeadShape, Kernel, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.mixers.norm import RMSNorm
from rlhf.attention.rotary import rotate
from rlhf.attention.spec import KernelSettings

Rope = tuple[Tensor, Tensor]
"""cos [T, d], sin [T, d] of every token's position in its sequence."""


@dataclass(frozen=True, slots=True)
class MixerShape:
    """What a mixer takes from the model around it. layer: its number, from 0, of `layers`."""

    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    layer: int
    layers: int
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: bool = False
    norm_eps: float = 1e-6
    rope_length: float = 1.0
    """Of the model's (cos, sin): YaRN puts a temperature of the softmax into them (arXiv 2309.00071, sec. 3.4)."""


@dataclass(frozen=True, slots=True)
class Projected:
    """A kernel's arguments. state: of the mixer's own parts (a convolution's last inputs), after these tokens."""

    q_HTd: Tensor
    k_GTd: Tensor
    v_GTe: Tensor
    extras: Extras
    state: State = ()


class Mixer(nn.Module):
    """Subclasses name their KERNEL, and override what differs: `project`, `finish`, `reset`, the shapes."""

    KERNEL: ClassVar[Kernel]
    GRADIENT_GOES_ON: ClassVar[bool] = True
    """A sequence that goes on from a state has the gradient of the whole; else prompts are not shared in learning."""
    SOFTMAX: ClassVar[bool] = False
    """Scores go through a softmax, or an estimate of one."""

    def __init__(self, shape: MixerShape, settings: KernelSettings) -> None:
        super().__init__()
        self.shape = shape
        self.settings: Any = settings
        self.host: Callable[..., Any] | None = None
        self.kernel = self.KERNEL  # or another implementation of it
        self.make_layers(shape)

    def make_layers(self, shape: MixerShape) -> None:
        """The projections of a softmax layer, under its names; a subclass adds to them or has others."""
        queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.hidden, queries, bias=shape.qkv_bias)
        self.k_proj = nn.Linear(shape.hidden, keys, bias=shape.qkv_bias)
        self.v_proj = nn.Linear(shape.hidden, keys, bias=shape.qkv_bias)
        self.o_proj = nn.Linear(queries, shape.hidden, bias=shape.output_bias)
        if shape.qk_norm:
            self.q_norm = RMSNorm(shape.head_dim, shape.norm_eps)
            self.k_norm = RMSNorm(shape.head_dim, shape.norm_eps)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As the model around it calls it: `host(self, ...)` knows what a layer of transformers or of vLLM passes."""
        if self.host is None:
            raise RuntimeError("this mixer stands in no model; call mix()")
        return self.host(self, *args, **kwargs)

    # -- what a kernel's own mixer overrides ------------------------------------------------------------------

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        """state: of the mixer's own parts, as `own_state_shapes` says; None: nothing yet."""
        q_HTd, k_GTd, v_GTd = self.heads(hidden_TD)
        return Projected(rotate(q_HTd, *rope), rotate(k_GTd, *rope), v_GTd, self.extras(hidden_TD, rope))

    def extras(self, hidden_TD: Tensor, rope: Rope) -> Extras:
        """For kernels whose extras need no state of the mixer's."""
        return Extras()

    @property
    def lookback(self) -> int:
        """How many tokens before a token `project` looks at: the taps of a convolution but one. Ranks that share a
        sequence hand each other so many hidden states."""
        return 0

    def finish(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        """[H, T, e] -> [T, D]."""
        return self.o_proj(out_HTe.transpose(0, 1).flatten(1))

    def reset(self, std: float) -> None:
        """Initialise the parameters that a softmax layer does not have (the others come from the model's own rule).

        Called for a new policy and for a converted one: what it sets must be a good start for both.
        """

    def kernel_shape(self) -> HeadShape:
        shape = self.shape
        return HeadShape(shape.heads, shape.kv_heads, shape.head_dim, shape.head_dim)

    def own_state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of a sequence, of the mixer's own parts."""
        return ()

    def learn_outside(self, statistics: dict[str, Tensor], update: int) -> None:
        """Change parameters that no gradient moves (a codebook's EMA, a redraw), after update number `update`.

        statistics: the kernel's, over the global batch; the same on every rank. The parameters are whole here.
        """

    def statistics(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of what `learn_outside` is given."""
        return {}

    def aux_weights(self) -> dict[str, float]:
        """Weight in the learner's loss of each of the kernel's aux losses."""
        return {}

    # -- what all mixers share --------------------------------------------------------------------------------

    def angles(self, rope: Rope) -> Rope:
        """The model's (cos, sin) as the kernel wants them: of length 1 where there is no softmax to be tempered."""
        if self.SOFTMAX or self.shape.rope_length == 1.0:
            return rope
        cos_Td, sin_Td = rope
        return cos_Td / self.shape.rope_length, sin_Td / self.shape.rope_length

    def heads(self, hidden_TD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q [H, T, d], k [G, T, d], v [G, T, d]; normed where the model norms its queries and keys, not rotated."""
        size = self.shape.head_dim
        q, k, v = (p(hidden_TD).unflatten(-1, (-1, size)) for p in (self.q_proj, self.k_proj, self.v_proj))
        if self.shape.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        return q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1)

    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of a sequence: the mixer's own, then the kernel's."""
        shapes = self.KERNEL.state_shapes
        if shapes is None:
            raise ValueError(f"attention {self.KERNEL.name} has no state of constant size")
        return self.own_state_shapes() + shapes(self.kernel_shape(), self.static_extras())

    def static_extras(self) -> Extras:
        """Extras that hold the settings alone, for the kernel's state shapes."""
        return Extras()

    def mix(
        self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens, form: FormName = "chunk"
    ) -> tuple[Tensor, State | None, Aux]:
        """[T, D] -> [T, D], the state after each sequence, aux. The kernel may be wrapped (sequence parallelism)."""
        own = len(self.own_state_shapes())
        made = self.project(hidden_TD, rope, None if state is None else state[:own], cu_seqlens)
        past = None if state is None else state[own:]
        out, after, aux = self.run(self.kernel, made, past, cu_seqlens, form)
        return self.finish(out, hidden_TD), None if after is None else made.state + after, aux

    def run(
        self, kernel: Kernel, made: Projected, state: State | None, cu_seqlens: CuSeqlens, form: FormName
    ) -> tuple[Tensor, State | None, Aux]:
        return kernel.form(form)(made.q_HTd, made.k_GTd, made.v_GTe, made.extras, state, cu_seqlens)


def fill_normal(parameter: Tensor, std: float) -> None:
    with torch.no_grad():
        nn.init.normal_(parameter, 0.0, std)
