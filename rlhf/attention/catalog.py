"""Every kernel by name. Imports no torch: the code stands behind each entry's module."""

from __future__ import annotations

from collections.abc import Mapping

from rlhf.attention.spec import KernelSpec
from rlhf.attention.specs.linear import LINEAR

CATALOG: Mapping[str, KernelSpec] = {spec.name: spec for spec in (LINEAR,)}
