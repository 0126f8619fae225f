"""What a saved sampler may be continued with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def refuse_other_prompts(state: Mapping[str, Any], own: Mapping[str, Any], keys: Sequence[str]) -> None:
    """ValueError where a sampler's state was saved with other data or another seed."""
    for key in keys:
        if state.get(key) != own[key]:
            raise ValueError(
                f"the sampler's state was saved with {key} {state.get(key)!r}, the recipe now gives {own[key]!r}; "
                "resume with the data and seed of the checkpoint, or start a new run"
            )
