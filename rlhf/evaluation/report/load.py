"""Reads a run folder for the report. What is missing or damaged is listed, never a reason to fail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rlhf.evaluation.report.columns import read_columns
from rlhf.evaluation.report.summary import Summary, SummaryError, read_summary
from rlhf.metrics.jsonl import MetricsFileError

Column = Sequence[float | None]


@dataclass(slots=True)
class RunData:
    """What a run folder holds. `missing`: sentences for the reader about what is not there."""

    name: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    recipe_text: str = ""
    run: Mapping[str, Any] = field(default_factory=dict)
    summary: Summary | None = None
    steps: list[int] = field(default_factory=list)
    columns: Mapping[str, Column] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def recipe_value(self, path: str) -> Any:
        """The recipe's value at a dotted path, or None."""
        found: Any = self.recipe
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def keys_under(self, prefix: str) -> list[str]:
        """Metric names that start with `prefix`, in the order in which they first appear."""
        return [key for key in self.columns if key.startswith(prefix)]


def load_run(run_dir: Path) -> RunData:
    """Raises FileNotFoundError if `run_dir` is no folder; all else that is wrong goes into `missing`."""
    if not run_dir.is_dir():
        raise FileNotFoundError(
            f"{run_dir}: no such run folder. Write the path of a folder that `rlhf train` made, or of the --out file "
            "of `rlhf eval`."
        )
    run = RunData(name=run_dir.resolve().name)
    _load_recipe(run_dir / "recipe.yaml", run)
    _load_run_json(run_dir / "run.json", run)
    _load_summary(run_dir, run)
    _load_metrics(run_dir / "metrics.jsonl", run)
    return run


def _load_recipe(path: Path, run: RunData) -> None:
    if not path.is_file():
        run.missing.append("recipe.yaml is not there: what ran is not known.")
        return
    try:
        run.recipe_text = path.read_text(encoding="utf-8", errors="replace")
        recipe = yaml.safe_load(run.recipe_text)
    except (yaml.YAMLError, OSError, RecursionError) as error:
        run.missing.append(f"recipe.yaml cannot be read: {error}")
        return
    if isinstance(recipe, Mapping):
        run.recipe = recipe
    else:
        run.missing.append("recipe.yaml holds no mapping: what ran is not known.")


def _load_run_json(path: Path, run: RunData) -> None:
    if not path.is_file():
        return  # optional: versions and the like
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except (ValueError, OSError, RecursionError) as error:
        run.missing.append(f"run.json cannot be read: {error}")
        return
    if isinstance(found, Mapping):
        run.run = found


def _load_summary(run_dir: Path, run: RunData) -> None:
    try:
        run.summary = read_summary(run_dir)
    except (SummaryError, OSError) as error:
        run.missing.append(f"summary.json cannot be read: {error}")
        return
    if run.summary is None:
        run.missing.append(
            "summary.json is not there yet: the run has not ended, or ended before it could write its outcome."
        )
    elif run.summary.heldout is None:
        run.missing.append("No held-out accuracy was measured (the recipe names no `data.heldout`).")


def _load_metrics(path: Path, run: RunData) -> None:
    if not path.is_file():
        run.missing.append("metrics.jsonl is not there: no step has ended.")
        return
    try:
        found = read_columns(path, lambda: run.missing.append("The last line of metrics.jsonl is torn and left out."))
    except (MetricsFileError, OSError) as error:
        run.missing.append(f"metrics.jsonl cannot be read: {error}")
        return
    if not found.steps:
        run.missing.append("metrics.jsonl is empty: no step has ended.")
    run.steps, run.columns = found.steps, found.by_name
