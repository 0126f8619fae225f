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
        """m, for heads of this size.

        Relative error of the outputs against softmax, d = 64, 1,024 tokens, queries and keys from N(0, 1/4), with
        m = d/2, d, 2d, 4d, 8d, 16d: 0.67, 0.53, 0.42, 0.34, 0.26, 0.21, while time and state double at every step. From
        N(0, 1) no m up to 16d is nearer than the plain mean of the values: FAVOR+ wants short queries and keys.
        """
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


class VqSettings(KernelSettings):
    codes: int = Field(256, ge=2, description="codes a key-value head; time and state grow with them")
    block: int = Field(
        64,
        ge=1,
        description="tokens of a block, in which a key's gradient passes its rounding; outputs do not depend on it",
    )
    commitment: float = Field(
        1e-4, ge=0, description="weight of the squared distance of keys to their codes in the loss"
    )
    ema_decay: float = Field(0.99, ge=0, lt=1, description="share of the codes' past that an update keeps")
    revive_below: float = Field(
        0.05, ge=0, lt=0.5, description="a code with less than this share of a mean code's keys is moved; 0: never"
    )
    seed: int = Field(0, ge=0, description="of the moves, with the layer's number and the update's")


VQ = KernelSpec(
    name="vq",
    summary="softmax attention over keys rounded to a learnt codebook (Transformer-VQ)",
    source="Transformer-VQ, arXiv 2309.16354",
    module="rlhf.attention.kernels.vq",
    cost="T n",
    state="n (d + 1) a key-value head",
    settings=VqSettings,
    state_size=lambda heads, kv_heads, size, settings: kv_heads * settings.codes * (size + 1),
)
