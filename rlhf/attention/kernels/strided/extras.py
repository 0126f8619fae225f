"""What strided attention is given besides q, k, v: how far back it sees all, and which tokens before that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlhf.attention.contract import Extras

if TYPE_CHECKING:
    from rlhf.attention.specs.sparse import StridedSettings


@dataclass(frozen=True, slots=True)
class StridedExtras(Extras):
    """Token i sees j <= i where i - j < local or (i - j) % stride == 0."""

    local: int
    stride: int

    def __post_init__(self) -> None:
        if self.local < 1 or self.stride < 1:
            raise ValueError(f"strided attention needs local >= 1 and stride >= 1; found {self.local}, {self.stride}")


def extras_of(settings: StridedSettings) -> StridedExtras:
    return StridedExtras(settings.local, settings.stride)
