"""Kernels whose state forgets at a pace of its own, lightning, retention and the state space dual; and blocks, which begin
anew."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from rlhf.attention.spec import KernelSettings, KernelSpec


class LightningSettings(KernelSettings):
    rope: Literal["inputs", "none"] = Field(
        "inputs", description="whether queries and keys are rotated, after their activation"
    )
    activation: Literal["silu", "none"] = Field(
        "silu", description="of queries and keys; none keeps those of a converted layer as they were"
    )
    gate: bool = Field(True, description="whether the normed output is multiplied by a sigmoid gate")
    layer_slopes: bool = Field(
        True, description="whether decays shrink with the layer's number, by 1 - layer / (layers - 1) + 1e-5"
    )


class RetentionSettings(KernelSettings):
    rope: Literal["inputs", "none"] = Field("inputs", description="whether queries and keys are rotated")


class SsdSettings(KernelSettings):
    rope: Literal["none", "inputs"] = Field(
        "none",
        description="whether B and C, the keys and queries, are rotated: a layer converted from a rotary model wants inputs",
    )
    conv: int = Field(4, ge=0, description="taps of the short convolution of x, B and C; 0: no convolution")
    activation: Literal["silu", "none"] = Field(
        "silu", description="of x, B and C behind the convolution; none keeps those of a converted layer as they were"
    )

    @field_validator("conv")
    @classmethod
    def _more_than_one_tap(cls, taps: int) -> int:
        if taps == 1:
            raise ValueError("a convolution over one token mixes nothing: conv is 0 (none) or at least 2")
        return taps


class BlockLocalSettings(KernelSettings):
    block: int = Field(64, ge=1, description="tokens of a block, counted from the sequence's start")


LIGHTNING = KernelSpec(
    name="lightning",
    summary="linear attention with a fixed decay in every head, a norm in place of the denominator",
    source="TransNormer, arXiv 2210.10340; TransNormerLLM, arXiv 2307.14995; Lightning Attention, arXiv 2405.17381",
    module="rlhf.attention.kernels.lightning",
    cost="T",
    state="d^2 a key-value head",
    settings=LightningSettings,
    state_size=lambda heads, kv_heads, size, settings: kv_heads * size * size,
    library="simple_gla",
)

RETENTION = KernelSpec(
    name="retention",
    summary="linear attention whose heads forget, each at a fixed pace",
    source="Retentive Network, arXiv 2307.08621",
    module="rlhf.attention.kernels.retention",
    cost="T",
    state="d^2 a key-value head",
    settings=RetentionSettings,
    state_size=lambda heads, kv_heads, size, settings: kv_heads * size * size,
    library="simple_gla",
)

SSD = KernelSpec(
    name="ssd",
    summary="selective state space in its dual form (Mamba-2): steps and decays that the tokens choose",
    source="Transformers are SSMs, arXiv 2405.21060",
    module="rlhf.attention.kernels.ssd",
    cost="T",
    state="d^2 a key-value head, and conv - 1 inputs of the convolution",
    settings=SsdSettings,
    state_size=lambda heads, kv_heads, size, settings: (
        kv_heads * size * size + (heads + 2 * kv_heads) * size * max(settings.conv - 1, 0)
    ),
    library="simple_gla",
)

BLOCK_LOCAL = KernelSpec(
    name="block_local",
    summary="softmax inside blocks that do not overlap (TransNormer's low layers)",
    source="The Devil in Linear Transformer, arXiv 2210.10340",
    module="rlhf.attention.kernels.block_local",
    cost="T block",
    state="2 d (block - 1) a key-value head",
    settings=BlockLocalSettings,
    state_size=lambda heads, kv_heads, size, settings: 2 * kv_heads * size * (settings.block - 1) + 1,
    has_extras=False,
)
