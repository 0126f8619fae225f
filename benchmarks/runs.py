"""Whole training runs as a side of a benchmark, and where their time went."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.recipes import fixed_length_recipe

STAGES = ("rollout", "learn", "publish")


def run_training(options: Mapping[str, Any]) -> dict[str, Any]:
    """`rlhf train` on the fixed-length recipe, in this process and its actors; see `step_times`."""
    from cluster.session import train

    outcome = train(fixed_length_recipe(options))
    if not outcome.finished:
        raise RuntimeError(f"the run in {outcome.folder} was stopped before its last step")
    return step_times(outcome.folder)


def step_times(run: Path) -> dict[str, Any]:
    """Seconds of each step from the second on, from a run folder.

    step: between the ends of two steps by the clock (the times at which their trajectories were written), so that
    nothing is left out; rollout, learn, publish: what the loop waited for each. tokens: response tokens a step.
    """
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows = sorted((row for row in rows if "time/step" in row), key=lambda row: row["step"])
    ends = [(run / "trajectories" / f"step_{row['step']:06}.jsonl").stat().st_mtime for row in rows]
    times: dict[str, Any] = {stage: [row[f"time/{stage}"] for row in rows[1:]] for stage in STAGES}
    times["step"] = [after - before for before, after in itertools.pairwise(ends)]
    times["tokens"] = [row["tokens"] for row in rows[1:]]
    return times


def pooled(answers: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    """The figures of one key of all rounds."""
    return [value for answer in answers for value in answer[key]]
