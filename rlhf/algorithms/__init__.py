"""The algorithms, by name. Pure functions of tensors: nothing here knows Ray, vLLM or DeepSpeed.

Definitions are in `catalog`, which needs no torch; the functions are loaded when first asked for.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.resolve import resolve

if TYPE_CHECKING:
    from rlhf.algorithms.base import ALGORITHMS, Algorithm
    from rlhf.recipe.algorithm_schema import AlgorithmConfig

__all__ = ["ALGORITHMS", "CATALOG", "algorithm_of", "get", "resolve"]


def get(name: str) -> Algorithm:
    """The algorithm of that name as it is defined; ValueError with the nearest names otherwise."""
    from rlhf.algorithms.base import ALGORITHMS

    if name in ALGORITHMS:
        return ALGORITHMS[name]
    near = difflib.get_close_matches(name, CATALOG) or sorted(CATALOG)
    raise ValueError(f"unknown algorithm {name!r}; write {' or '.join(near)}")


def algorithm_of(config: AlgorithmConfig) -> Algorithm:
    """The algorithm that a recipe asks for, with its overrides."""
    from rlhf.algorithms.base import Algorithm

    return Algorithm(resolve(config))


def __getattr__(name: str) -> Any:
    if name == "ALGORITHMS":
        from rlhf.algorithms.base import ALGORITHMS

        return ALGORITHMS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
