"""The algorithms, by name. Pure functions of tensors: nothing here knows Ray, vLLM or DeepSpeed.

Names and summaries are in `catalog`, which needs no torch; the definitions are loaded when first asked for.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from rlhf.algorithms.catalog import CATALOG

if TYPE_CHECKING:
    from rlhf.algorithms.base import Algorithm
    from rlhf.algorithms.registry import ALGORITHMS

__all__ = ["ALGORITHMS", "CATALOG", "get"]


def get(name: str) -> Algorithm:
    """The algorithm of that name; ValueError with the nearest names otherwise."""
    from rlhf.algorithms.registry import ALGORITHMS

    if name in ALGORITHMS:
        return ALGORITHMS[name]
    near = difflib.get_close_matches(name, ALGORITHMS) or sorted(ALGORITHMS)
    raise ValueError(f"unknown algorithm {name!r}; write {' or '.join(near)}")


def __getattr__(name: str) -> Any:
    if name == "ALGORITHMS":
        from rlhf.algorithms.registry import ALGORITHMS

        return ALGORITHMS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
