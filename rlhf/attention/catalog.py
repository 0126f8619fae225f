"""Every kernel by name. Imports no torch: the code stands behind each entry's module."""

from __future__ import annotations

from collections.abc import Mapping

from rlhf.attention.spec import KernelSpec
from rlhf.attention.specs.linear import LINEAR
from rlhf.attention.specs.sparse import BLOCK_SPARSE, SOFTMAX, STRIDED
from rlhf.attention.specs.windows import FLASH, SLIDING_WINDOW

CATALOG: Mapping[str, KernelSpec] = {spec.name: spec for spec in (SOFTMAX, SLIDING_WINDOW, LINEAR, FLASH, STRIDED, BLOCK_SPARSE)}
