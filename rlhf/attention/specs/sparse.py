"""Softmax attention, whole and over fewer keys."""

from __future__ import annotations

from pydantic import Field

from rlhf.attention.spec import KernelSettings, KernelSpec


class StridedSettings(KernelSettings):
    local: int = Field(64, ge=1, description="how many of the last tokens are all seen, the token itself counted")
    stride: int = Field(64, ge=2, description="every stride-th token before is seen too")


class BlockSparseSettings(KernelSettings):
    block: int = Field(64, ge=1, description="tokens of a block")
    topk: int = Field(3, ge=1, description="how many earlier blocks a query sees besides its own")


SOFTMAX = KernelSpec(
    name="softmax",
    summary="softmax attention as it is",
    source="Attention Is All You Need, arXiv 1706.03762",
    module="rlhf.attention.kernels.softmax",
    cost="T^2",
    state="2 d a key-value head and token",
    settings=KernelSettings,
    engine="paged",
    has_extras=False,
)

STRIDED = KernelSpec(
    name="strided",
    summary="the last tokens and every stride-th one before",
    source="Sparse Transformers, arXiv 1904.10509",
    module="rlhf.attention.kernels.strided",
    cost="T (local + T / stride)",
    state="2 d a key-value head and token",
    settings=StridedSettings,
    engine="none",
    has_extras=False,
)

BLOCK_SPARSE = KernelSpec(
    name="block_sparse",
    summary="the own block and the topk earlier ones that suit a query best",
    source="MoBA, arXiv 2502.13189",
    module="rlhf.attention.kernels.block_sparse",
    cost="T (topk + 1) block, and T^2 / block to choose",
    state="2 d a key-value head and token",
    settings=BlockSparseSettings,
    engine="none",
    has_extras=False,
)
