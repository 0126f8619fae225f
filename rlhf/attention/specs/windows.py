"""Attention that works on windows or chunks of fixed size."""

from __future__ import annotations

from pydantic import Field

from rlhf.attention.spec import KernelSettings, KernelSpec


class SlidingWindowSettings(KernelSettings):
    window: int = Field(128, ge=1, description="tokens that a token sees, itself included")
    scale: float | None = Field(None, gt=0, description="factor of q . k; none: 1 / sqrt(head size)")


class FlashSettings(KernelSettings):
    chunk: int = Field(
        128, ge=2, description="tokens of a chunk, counted from the sequence's start; part of what is computed"
    )
    expansion: int = Field(2, ge=1, description="size of values and gates, in multiples of query heads times head size")
    key_size: int | None = Field(
        None, ge=2, multiple_of=2, description="size of the shared key, at least the head size; none: the head size"
    )

    def misfit(self, head_dim: int) -> str | None:
        if self.key_size is None or self.key_size >= head_dim:
            return None
        return (
            f"key_size {self.key_size} is below the head size {head_dim}, whose rotary angles it takes; write at least "
            f"{head_dim}, or leave it out"
        )


def _sliding_window_size(heads: int, kv_heads: int, size: int, settings: SlidingWindowSettings) -> int:
    return 2 * kv_heads * settings.window * size + 1


def _flash_size(heads: int, kv_heads: int, size: int, settings: FlashSettings) -> int:
    key, values = settings.key_size or size, settings.expansion * heads * size
    return 2 * key * values + (settings.chunk - 1) * (kv_heads * key + values) + 1


SLIDING_WINDOW = KernelSpec(
    name="sliding_window",
    summary="softmax over the last tokens",
    source="Longformer, arXiv 2004.05150; Mistral 7B, arXiv 2310.06825",
    module="rlhf.attention.kernels.sliding_window",
    cost="T window",
    state="2 d window a key-value head",
    settings=SlidingWindowSettings,
    state_size=_sliding_window_size,
    has_extras=False,
)

FLASH = KernelSpec(
    name="flash",
    summary="gated attention unit: squared relu inside chunks, linear across them",
    source="FLASH, Transformer Quality in Linear Time, arXiv 2202.10447",
    module="rlhf.attention.kernels.flash",
    cost="T (chunk + d)",
    state="2 d e + (chunk - 1) (d + e) a value head of size e = expansion d query heads / value heads",
    settings=FlashSettings,
    state_size=_flash_size,
)
