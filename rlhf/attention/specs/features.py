"""Linear time by other keys: random features of the softmax kernel, and keys of a codebook."""

from __future__ import annotations

from pydantic import Field

from rlhf.attention.spec import KernelSettings, KernelSpec


class PerformerSettings(KernelSettings):
    features: int | None = Field(
        None, ge=1, description="random features a key-value head; null: two for each channel of a head"
    )
    redraw_every: int = Field(0, ge=0, description="updates after which the features are drawn anew; 0: never")
    seed: int = Field(0, ge=0, description="of the features, with the layer's number and the update's")

    def features_of(self, size: int) -> int:
        """m, for heads of this size."""
        return self.features or 2 * size


PERFORMER = KernelSpec(
    name="performer",
    summary="softmax attention estimated with positive orthogonal random features (FAVOR+)",
    source="Rethinking attention with Performers, arXiv 2009.14794",
    module="rlhf.attention.kernels.performer",
    cost="T m",
    state="m (d + 1) + 1 a key-value head",
    settings=PerformerSettings,
    state_size=lambda heads, kv_heads, size, settings: kv_heads * (settings.features_of(size) * (size + 1) + 1),
)
