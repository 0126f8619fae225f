"""Names and one-line summaries of the algorithms: what recipe validation needs, with no torch behind it."""

from __future__ import annotations

CATALOG: dict[str, str] = {
    "grpo": "advantage normalised in the group, ratio clipped on both sides, mean over each response (2402.03300)",
    "dr_grpo": "GRPO without the division by the group's deviation and by the response's length (2503.20783)",
}
