"""Every kernel by name. Imports no torch: the code stands behind each entry's module."""

from __future__ import annotations

from collections.abc import Mapping

from rlhf.attention.spec import KernelSpec
from rlhf.attention.specs.linear import LINEAR
from rlhf.attention.specs.sparse import BLOCK_SPARSE, SOFTMAX, STRIDED

CATALOG: Mapping[str, KernelSpec] = {spec.name: spec for spec in (SOFTMAX, LINEAR, STRIDED, BLOCK_SPARSE)}
