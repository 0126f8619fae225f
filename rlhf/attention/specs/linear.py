"""Linear attention with a fixed feature map."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rlhf.attention.spec import KernelSettings, KernelSpec


class LinearSettings(KernelSettings):
    rope: Literal["features", "inputs", "none"] = Field(
        "features",
        description="what is rotated: features of queries and keys (RoFormer, eq. 19), they themselves before the feature map, or nothing",
    )


LINEAR = KernelSpec(
    name="linear",
    summary="linear attention, feature map elu + 1",
    source="Transformers are RNNs, arXiv 2006.16236",
    module="rlhf.attention.kernels.linear",
    cost="T",
    state="d (d + 1) a key-value head",
    settings=LinearSettings,
    state_size=lambda heads, kv_heads, size, settings: kv_heads * size * (size + 1),
    has_extras=False,
    library="simple_gla",
)
