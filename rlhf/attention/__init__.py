"""Attention that a recipe may choose: one contract, a registry, a folder an operation."""

from collections.abc import Mapping

from rlhf.attention.catalog import CATALOG
from rlhf.attention.spec import KernelSpec

ATTENTION: Mapping[str, KernelSpec] = CATALOG
"""Name -> what is known of the kernel; `ATTENTION["linear"].kernel()` imports its code."""

__all__ = ["ATTENTION", "KernelSpec"]
