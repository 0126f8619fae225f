"""Every kernel by name. Imports no torch: the code stands behind each entry's module."""

from __future__ import annotations

from collections.abc import Mapping

from rlhf.attention.spec import KernelSpec
from rlhf.attention.specs.decay import BLOCK_LOCAL, LIGHTNING, RETENTION, SSD
from rlhf.attention.specs.features import PERFORMER, VQ
from rlhf.attention.specs.gated import GATED_DELTA, GLA
from rlhf.attention.specs.linear import LINEAR
from rlhf.attention.specs.sparse import BLOCK_SPARSE, SOFTMAX, STRIDED
from rlhf.attention.specs.windows import FLASH, SLIDING_WINDOW

KERNELS = (
    *(SOFTMAX, SLIDING_WINDOW, BLOCK_LOCAL),
    *(LINEAR, PERFORMER, LIGHTNING, RETENTION, GLA, GATED_DELTA, SSD, FLASH, VQ),
    *(STRIDED, BLOCK_SPARSE),
)
CATALOG: Mapping[str, KernelSpec] = {spec.name: spec for spec in KERNELS}
