"""The run folder of a distillation.

recipe.yaml, run.json, metrics.jsonl, summary.json    as of every run
text/               what the teacher sampled (samples.py)
policy/             the student as converted, before anything is learned
checkpoints/        step_N/: learner/ to go on from, hf/ that transformers and vLLM load
distillation.json   nats a token before and after each stage, and the share regained
curve.svg           the same over the steps
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rlhf.checkpoint import Checkpoints
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.recipe.load import dump_recipe
from rlhf.run_folder import RunFolderError, changes, find_run, machine, next_free, numbered_runs, runs_root, versions
from rlhf.stages.distill.samples import SAMPLED

_FIXED = (
    "policy",
    "text",
    "distill.attention",
    "distill.logits.learn",
    "learner.ranks",
    "learner.zero_stage",
    "run.seed",
)
"""What the text, its split, the state of a checkpoint and the order of batches were made by."""


@dataclass(frozen=True, slots=True)
class DistillFolder:
    path: Path

    @property
    def text(self) -> Path:
        return self.path / "text"

    @property
    def policy(self) -> Path:
        return self.path / "policy"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def worth_keeping(self) -> bool:
        """Whether anything was sampled or learned in it."""
        return (self.text / SAMPLED).is_file() or Checkpoints(self.checkpoints, keep=1).latest() is not None

    def discard_if_bare(self) -> None:
        """Remove the folder of a start that was refused: nothing was sampled, no step was done."""
        metrics = self.path / "metrics.jsonl"
        if not self.worth_keeping and not (metrics.is_file() and metrics.stat().st_size):
            shutil.rmtree(self.path)


def find_text(recipe: DistillRecipe) -> Path:
    """The folder with the text of the run that `text.sampled` names: by its path, or by its name among the runs.

    Raises RunFolderError.
    """
    assert recipe.text.sampled is not None
    named = Path(recipe.text.sampled).expanduser()
    beside = runs_root(recipe) / named
    return find_run(beside if (beside / "recipe.yaml").is_file() else named) / "text"


def open_distill_run(recipe: DistillRecipe, resume: bool) -> tuple[DistillFolder, list[str]]:
    """A new folder, or with `resume` the newest of that name in which anything was sampled; and what a resumed run
    has otherwise, a line a key.

    Writes recipe.yaml and run.json. Raises RunFolderError where there is nothing to resume, or where the recipe differs
    in what a checkpoint cannot be continued under.
    """
    root = runs_root(recipe)
    folder = _to_resume(root, recipe.run.name) if resume else _new(root, recipe.run.name)
    saved, changed = folder.path / "recipe.yaml", []
    if resume:
        changed = _changes(yaml.safe_load(saved.read_text("utf-8")), recipe)
    saved.write_text(dump_recipe(recipe), encoding="utf-8")
    facts = {
        "versions": versions(),
        "machine": machine(),
        "command": sys.argv,
    }
    (folder.path / "run.json").write_text(json.dumps(facts, indent=1))
    return folder, changed


def _new(root: Path, name: str) -> DistillFolder:
    folder = DistillFolder(next_free(root, name))
    folder.checkpoints.mkdir(parents=True)
    return folder


def _to_resume(root: Path, name: str) -> DistillFolder:
    numbered = sorted(numbered_runs(root, name), reverse=True)
    for _, path in numbered:
        if (folder := DistillFolder(path)).worth_keeping:
            return folder
    found = f"none of {', '.join(path.name for _, path in numbered)} sampled anything" if numbered else "there is none"
    raise RunFolderError(f"--resume: no run {name!r} in {root} to go on with ({found}); start it without --resume")


def _changes(saved: Mapping[str, Any], recipe: DistillRecipe) -> list[str]:
    if saved.get("kind") != "distill":
        raise RunFolderError(
            f"--resume: the run of that name is one of kind {saved.get('kind')}; write another run.name"
        )
    return changes(saved, recipe, _FIXED)
