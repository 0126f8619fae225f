"""Kernels of our own in the catalog: what is shipped may change, and what is checked here must not change with it."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from rlhf.attention.catalog import CATALOG
from rlhf.attention.spec import KernelSettings, KernelSpec
from rlhf.attention.specs.windows import FLASH


class LocalSettings(KernelSettings):
    window: int = Field(64, ge=1, description="tokens that are seen")
    kind: Literal["hard", "soft"] = Field("hard", description="its edge")


class NeedySettings(KernelSettings):
    size: int = Field(ge=2, description="how large")


def spec(name: str, **changes: object) -> KernelSpec:
    facts: dict = {
        "summary": f"the kernel {name}", "source": "a paper", "module": f"nowhere.{name}", "cost": "T",
        "state": "d d a key-value head", "settings": KernelSettings,
        "state_size": lambda heads, kv_heads, size, settings: kv_heads * size * size,
    }  # fmt: skip
    return KernelSpec(name=name, **{**facts, **changes})


KERNELS = (
    spec(
        "softmax", cost="T T", state="2 d a key-value head and token", engine="paged", state_size=None, has_extras=False
    ),
    spec("decay"),
    spec(
        "local",
        settings=LocalSettings,
        state_size=lambda heads, kv_heads, size, settings: 2 * kv_heads * settings.window * size,
    ),
    spec("linear", library="linear_attn"),  # known to `rlhf.attention.backends` by this name
    spec("needy", settings=NeedySettings),
    spec("blocks", engine="none", state_size=None, state="2 d a key-value head and token"),
    spec("two_way", causal=False),
    spec("lone", packable=False),
    spec("metal", devices=("gpu",)),
    FLASH,  # whose settings do not fit every head size
)


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalog holds KERNELS and nothing else."""
    for name in list(CATALOG):
        monkeypatch.delitem(CATALOG, name)  # type: ignore[arg-type]
    for kernel in KERNELS:
        monkeypatch.setitem(CATALOG, kernel.name, kernel)  # type: ignore[arg-type]
