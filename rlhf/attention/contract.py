"""What an attention kernel is: one pure function in three forms that agree, and what goes in and out of it.

    kernel(q, k, v, extras, state, cu_seqlens) -> (out, state, aux)

`naive` is the definition: quadratic, one sequence after the other, in any float dtype. `chunk` is parallel over chunks,
for learning and prefill. `step` takes one token a sequence, for decoding. None of them changes an argument.

Axes: H query heads, G key-value heads (query head h uses h // (H // G)), T packed tokens, d key size, e value size,
S sequences. Arithmetic is float32 (float64 where the inputs are), `out` has the inputs' dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Protocol, TypeVar

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens

State = tuple[Tensor, ...]
"""What a sequence has left behind, each [S, *shape] in the order of `Kernel.state_shapes`; None: nothing yet."""

FormName = Literal["naive", "chunk", "step"]


def per(axes: str, *, optional: bool = False) -> Any:
    """A tensor field of an Extras: its axes, a letter each. G and H are heads, T tokens; other letters are sizes.

    optional: it may be None, and is unless given.
    """
    return field(metadata={"axes": axes}, default=None) if optional else field(metadata={"axes": axes})


@dataclass(frozen=True, slots=True)
class Extras:
    """What a kernel is given besides q, k, v. Fields made by `per` are tensors (or None), the others settings."""


@dataclass(frozen=True, slots=True)
class Aux:
    """What a kernel adds to loss or metrics.

    loss_T: by name, of each token, with gradient, a mean over heads; the learner weighs and averages it.
    statistics: by name, sums over the tokens without gradient, with one axis of heads, or alike for all of them; the
    learner adds them up over the global batch and hands them to the mixer's `learn_outside` (an EMA belongs to the
    learner, never to a kernel). Ranks that share a sequence rely on both rules: each sees some heads.
    """

    loss_T: Mapping[str, Tensor] = field(default_factory=dict)
    statistics: Mapping[str, Tensor] = field(default_factory=dict)


NO_AUX = Aux()

ExtrasT_contra = TypeVar("ExtrasT_contra", bound=Extras, contravariant=True)


class Form(Protocol[ExtrasT_contra]):
    def __call__(
        self,
        q_HTd: Tensor,
        k_GTd: Tensor,
        v_GTe: Tensor,
        extras: ExtrasT_contra,
        state: State | None,
        cu_seqlens: CuSeqlens,
        /,
    ) -> tuple[Tensor, State | None, Aux]:
        """out [H, T, e], the state after each sequence's last token, aux."""
        ...


@dataclass(frozen=True, slots=True)
class HeadShape:
    """heads: H. kv_heads: G. key: d. value: e."""

    heads: int
    kv_heads: int
    key: int
    value: int


@dataclass(frozen=True, slots=True)
class Kernel:
    """state_shapes: of one sequence, whatever its length; None: the state grows with the sequence, so there is no
    `step`, no carried state, and no sampling in an engine. scaled: whether scores are divided by sqrt(d)."""

    name: str
    naive: Form[Any]
    chunk: Form[Any]
    step: Form[Any] | None = None
    state_shapes: Callable[[HeadShape, Any], tuple[tuple[int, ...], ...]] | None = None
    scaled: bool = True

    def form(self, name: FormName) -> Form[Any]:
        chosen = {"naive": self.naive, "chunk": self.chunk, "step": self.step}[name]
        if chosen is None:
            raise ValueError(f"attention {self.name} has no state of constant size, so it cannot take one token a time")
        return chosen


def tensors_of(extras: Extras) -> dict[str, tuple[Tensor, str]]:
    """(tensor, axes) of each tensor field that is not None."""
    found = {}
    for f in fields(extras):
        value, axes = getattr(extras, f.name), f.metadata.get("axes")
        if axes is not None and value is not None:
            found[f.name] = (value, axes)
    return found


def map_tensors(extras: Any, change: Callable[[Tensor, str], Tensor]) -> Any:
    """The same extras with every tensor changed; `change` is given the tensor and its axes."""
    return replace(extras, **{name: change(t, axes) for name, (t, axes) in tensors_of(extras).items()})


def working(*tensors: Tensor) -> tuple[Tensor, ...]:
    """As float32, or float64 where they are."""
    wide = torch.float64 if tensors[0].dtype is torch.float64 else torch.float32
    return tuple(t.to(wide) for t in tensors)


def repeat_heads(x_GTd: Tensor, heads: int) -> Tensor:
    """[G, ...] -> [H, ...]: the key-value head of every query head."""
    groups = x_GTd.shape[0]
    if heads % groups:
        raise ValueError(f"{heads} query heads are no multiple of {groups} key-value heads")
    return x_GTd if heads == groups else x_GTd.repeat_interleave(heads // groups, 0)


def zero_state(kernel: Kernel, shape: HeadShape, extras: Any, sequences: int, like: Tensor) -> State:
    """The state of sequences that have no token yet."""
    if kernel.state_shapes is None:
        raise ValueError(f"attention {kernel.name} has no state of constant size")
    wide = torch.float64 if like.dtype is torch.float64 else torch.float32
    return tuple(
        torch.zeros(sequences, *each, dtype=wide, device=like.device) for each in kernel.state_shapes(shape, extras)
    )
