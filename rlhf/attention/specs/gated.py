"""Linear attention with gates that the tokens choose, without and with the delta rule."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from rlhf.attention.spec import KernelSettings, KernelSpec

Rotation = Literal["none", "inputs"]
_ROTATION = "whether queries and keys are rotated: none (the decays tell near from far), or inputs, which a layer converted from a rotary model wants"


class GatedLinearSettings(KernelSettings):
    rope: Rotation = Field("none", description=_ROTATION)
    gate_rank: int = Field(16, ge=1, description="inner size of the projection from hidden states to gates")
    gate_temperature: float = Field(
        16.0, gt=0, description="log gates are divided by it: the larger, the slower a state is forgotten"
    )


class GatedDeltaSettings(KernelSettings):
    rope: Rotation = Field("none", description=_ROTATION)
    conv: int = Field(
        4, ge=0, description="taps of the short convolution of queries, keys and values; 0: no convolution"
    )
    activation: Literal["silu", "none"] = Field(
        "silu",
        description="of queries, keys and values, before keys and queries are normed; none keeps those of a converted layer as they were",
    )

    @field_validator("conv")
    @classmethod
    def _more_than_one_tap(cls, taps: int) -> int:
        if taps == 1:
            raise ValueError("a convolution over one token mixes nothing: conv is 0 (none) or at least 2")
        return taps


def _gated_delta_state(heads: int, kv_heads: int, size: int, settings: GatedDeltaSettings) -> int:
    return kv_heads * size * size + (heads + 2 * kv_heads) * size * max(settings.conv - 1, 0)


GLA = KernelSpec(
    name="gla",
    summary="gated linear attention: a decay of its own for every token and key channel",
    source="Gated Linear Attention, arXiv 2312.06635",
    module="rlhf.attention.kernels.gla",
    cost="T",
    state="d^2 a key-value head",
    settings=GatedLinearSettings,
    state_size=lambda heads, kv_heads, size, settings: kv_heads * size * size,
    library="gla",
)

GATED_DELTA = KernelSpec(
    name="gated_delta",
    summary="gated delta rule: a token replaces what the decayed state holds at its key",
    source="Gated Delta Networks, arXiv 2412.06464",
    module="rlhf.attention.kernels.gated_delta",
    cost="T",
    state="d^2 a key-value head, and conv - 1 inputs of the convolution",
    settings=GatedDeltaSettings,
    state_size=_gated_delta_state,
    library="gated_delta_rule",
)
