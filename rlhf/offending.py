"""A batch with a number in it that is not finite: kept on disk, so that what went wrong can be looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rlhf.group_json import group_to_json
from rlhf.types import Group


class OffendingBatchError(RuntimeError):
    """A loss, gradient or reward is NaN or infinite. Weights and checkpoints are as before it."""

    def __init__(self, message: str, groups: Sequence[Group]) -> None:
        super().__init__(message)
        self.groups = tuple(groups)


def keep_batch(run: Path, error: OffendingBatchError) -> Path:
    """Write its groups, everything of them, to `offending/batch_N.jsonl` of the run folder: a line a group."""
    folder = run / "offending"
    folder.mkdir(exist_ok=True)
    path = folder / f"batch_{len(list(folder.iterdir())) + 1}.jsonl"
    path.write_text("".join(json.dumps(group_to_json(g)) + "\n" for g in error.groups), encoding="utf-8")
    return path
