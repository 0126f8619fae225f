"""Linear attention with a decay, and what TransNormer has below it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from rlhf.attention.spec import KernelSettings, KernelSpec

Rotation = Literal["inputs", "none"]
_ROTATION = "what is rotated: queries and keys (inputs), or nothing"


class LightningSettings(KernelSettings):
    rope: Rotation = Field("inputs", description=_ROTATION)
    activation: Literal["silu", "none"] = Field(
        "silu", description="of queries and keys, before they are rotated; none keeps those of a converted layer"
    )
    gate: bool = Field(True, description="whether the normed output is multiplied by a sigmoid gate")
    layer_slopes: bool = Field(
        True, description="whether decays shrink with the layer's number, by 1 - layer / (layers - 1) + 1e-5"
    )


class BlockLocalSettings(KernelSettings):
    block: int = Field(64, ge=1, description="tokens of a block, counted from the sequence's start")
    scale: float | None = Field(None, gt=0, description="factor of q . k; none: 1 / sqrt(head size)")


class RetentionSettings(KernelSettings):
    rope: Rotation = Field("inputs", description=_ROTATION)


class SsdSettings(KernelSettings):
    rope: Rotation = Field("none", description=_ROTATION)
    conv: int = Field(4, ge=0, description="taps of the convolution of queries, keys and values; 0: no convolution")
    activation: Literal["silu", "none"] = Field(
        "silu", description="of queries, keys and values; none keeps those of a converted layer as they were"
    )

    @field_validator("conv")
    @classmethod
    def _more_than_one_tap(cls, taps: int) -> int:
        if taps == 1:
            raise ValueError("a convolution over one token mixes nothing: conv is 0 (none) or at least 2")
        return taps


def _square(heads: int, kv_heads: int, size: int, settings: KernelSettings) -> int:
    return kv_heads * size * size


def _block_local_size(heads: int, kv_heads: int, size: int, settings: BlockLocalSettings) -> int:
    return 2 * kv_heads * settings.block * size + 1


def _ssd_size(heads: int, kv_heads: int, size: int, settings: SsdSettings) -> int:
    return kv_heads * size * size + (heads + 2 * kv_heads) * size * max(settings.conv - 1, 0)


LIGHTNING = KernelSpec(
    name="lightning",
    summary="linear attention with a fixed decay in every head, normed in place of a denominator",
    source="TransNormer, arXiv 2210.10340; TransNormerLLM, arXiv 2307.14995; Lightning Attention, arXiv 2405.17381",
    module="rlhf.attention.kernels.lightning",
    cost="T",
    state="d^2 a key-value head",
    settings=LightningSettings,
    state_size=_square,
    library="lightning_attn",
)

BLOCK_LOCAL = KernelSpec(
    name="block_local",
    summary="softmax inside blocks that do not overlap",
    source="TransNormer, DiagAttention, arXiv 2210.10340",
    module="rlhf.attention.kernels.block_local",
    cost="T block",
    state="2 d block a key-value head",
    settings=BlockLocalSettings,
    state_size=_block_local_size,
    has_extras=False,
)

RETENTION = KernelSpec(
    name="retention",
    summary="linear attention with a fixed decay in every head, a norm and a swish gate behind it",
    source="Retentive Network, arXiv 2307.08621",
    module="rlhf.attention.kernels.retention",
    cost="T",
    state="d^2 a key-value head",
    settings=RetentionSettings,
    state_size=_square,
    library="retention",
)

SSD = KernelSpec(
    name="ssd",
    summary="selective state space (Mamba-2): a decay and a step size of every token",
    source="Transformers are SSMs, arXiv 2405.21060",
    module="rlhf.attention.kernels.ssd",
    cost="T",
    state="d^2 a key-value head, and conv - 1 inputs of the convolution",
    settings=SsdSettings,
    state_size=_ssd_size,
    library="simple_gla",
)
