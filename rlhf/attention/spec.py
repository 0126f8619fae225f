"""What is known of a kernel without importing torch: what `rlhf list attention` and `rlhf check` say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from rlhf.recipe.section import Section

if TYPE_CHECKING:
    from rlhf.attention.contract import Kernel
    from rlhf.attention.mixers.base import Mixer


_LENGTHS = ("window", "chunk", "block", "local", "stride")


class KernelSettings(Section):
    """What a recipe may say of a kernel beside its name; here: nothing."""

    def misfit(self, head_dim: int) -> str | None:
        """What of them a head of that size does not admit, and what to write; None: nothing."""
        return None

    @property
    def rotates(self) -> bool:
        """Whether positions turn the layer's queries and keys; those kernels that may leave it out have a setting."""
        return bool(getattr(self, "rope", None) != "none")

    @property
    def border(self) -> int:
        """Tokens of the largest window, chunk or block they name: longer sequences show all that a kernel does."""
        return max((getattr(self, name) for name in _LENGTHS if name in type(self).model_fields), default=0)


Engine = Literal["state", "paged", "none"]
"""How an engine holds it: a state of constant size a sequence, a cache of keys and values a token, or not at all."""


@dataclass(frozen=True, slots=True)
class KernelSpec:
    """module: holds KERNEL and, but for softmax, MIXER. cost: of a sequence of T tokens. state: a sequence or a token.

    state_size: elements a sequence, of (query heads, key-value heads, head size, settings); None: it grows.
    has_extras: needs more than q, k, v, so it comes with a mixer of its own; one without serves through transformers'
    AttentionInterface too. library: the op of flash-linear-attention that is its fast path on a GPU.
    """

    name: str
    summary: str
    source: str
    module: str
    cost: str
    state: str
    settings: type[KernelSettings]
    engine: Engine = "state"
    state_size: Callable[[int, int, int, Any], int] | None = None
    has_extras: bool = True
    causal: bool = True
    packable: bool = True
    devices: tuple[str, ...] = ("cpu", "gpu")
    library: str | None = None

    def kernel(self) -> Kernel:
        return import_module(self.module).KERNEL

    def mixer(self) -> type[Mixer]:
        return import_module(self.module).MIXER
