"""What trackers are sent of a step where the file's numbers are too many for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rlhf.metrics import keys

MOST_EXPERTS = 64
"""Up to as many experts, of all layers together, are tracked one by one."""


def for_trackers(metrics: Mapping[str, float], most: int = MOST_EXPERTS) -> dict[str, float]:
    """The step's metrics, with each layer's expert loads as three numbers where there are more than `most` experts.

    48 layers of 128 experts are 6,144 curves: no page shows them, and a tracker takes as many writes a step.
    Instead of them come `moe/load/L3/min` and `max` (shares of the layer's assignments) and `moe/load/L3/entropy`
    (0 where one expert is given everything, 1 where all are given the same). metrics.jsonl keeps every expert.
    """
    loads: dict[int, list[float]] = {}
    others: dict[str, float] = {}
    for key, value in metrics.items():
        found = keys.parse_expert_load(key) if key.startswith(keys.EXPERT_LOAD) else None
        if found is None:
            others[key] = value
        else:
            loads.setdefault(found[0], []).append(value)
    if sum(map(len, loads.values())) <= most:
        return dict(metrics)
    for layer, shares in loads.items():
        others |= {f"{keys.EXPERT_LOAD}L{layer}/{name}": number for name, number in _spread(shares).items()}
    return others


def _spread(shares: Sequence[float]) -> dict[str, float]:
    """Smallest, largest and normalised entropy, H(p) / log E; nan where one of them is, no entropy where all are 0."""
    if any(math.isnan(share) for share in shares):
        return {"min": math.nan, "max": math.nan, "entropy": math.nan}
    found = {"min": min(shares), "max": max(shares)}
    if (total := math.fsum(shares)) > 0:
        parts = (share / total for share in shares)
        entropy = -math.fsum(part * math.log(part) for part in parts if part > 0)  # the least of shares divide to 0
        found["entropy"] = entropy / math.log(len(shares)) if len(shares) > 1 else 1.0
    return found
