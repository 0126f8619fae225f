"""Checkpoints: written whole or not at all, and never picked half-written.

    checkpoints/step_40/
        learner/          DeepSpeed's state of every rank: weights, moments, schedule, RNG
        hf/               what transformers and vLLM load
        buffer.jsonl      finished groups that were not yet trained on
        state.json        counters, sampler position, accounting
        complete.json     names and sizes of all of the above, written last

A checkpoint is built in `step_40.partial` and renamed when `complete.json` is in it and everything is on disk.
`checkpoints/best/` holds `hf/` alone, of the best evaluation so far, and `best.json`: of which step, by which metric.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rlhf.group_json import group_from_json, group_to_json
from rlhf.types import Group

_NAME = re.compile(r"^step_(\d+)$")
_FORMAT = 2
BEST = "best"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be used; the message says which file and why."""


class Checkpoints:
    """The checkpoints of one run folder."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep

    def begin(self, step: int) -> Path:
        """An empty folder to fill; what an earlier, interrupted attempt left is removed."""
        partial = self._folder / f"step_{step}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        return partial

    def commit(self, partial: Path, state: dict[str, Any], groups: Sequence[Group]) -> Path:
        """Write the rest, make it durable, give it its name, and remove checkpoints beyond `keep`."""
        # In ASCII: a line then ends where the file's line ends, whatever separators a model writes.
        lines = [json.dumps(group_to_json(g)) for g in groups]
        (partial / "buffer.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        (partial / "state.json").write_text(json.dumps({"format": _FORMAT, **state}, indent=1))
        final = self._put_in_place(partial)
        for old in self.complete()[: -self._keep]:
            shutil.rmtree(old)
        return final

    def begin_best(self) -> Path:
        """An empty folder, to be filled with `hf/`."""
        self.best()  # adopts what a kill left without its name, before it is taken for a leftover
        partial = self._folder / f"{BEST}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        return partial

    def commit_best(self, partial: Path, step: int, metric: str, value: float) -> Path:
        """Takes the place of the best so far."""
        (partial / "best.json").write_text(json.dumps({"step": step, "metric": metric, "value": value}, indent=1))
        return self._put_in_place(partial)

    def best(self) -> Path | None:
        """The weights of the best evaluation, where the run keeps them (recipe: trainer.best_metric)."""
        path = self._folder / BEST
        for left in (path.with_suffix(".partial"), path.with_suffix(".replaced")):
            if not path.exists() and is_complete(left):  # killed between the two renames
                left.rename(path)
        return path if is_complete(path) else None

    def best_step(self) -> int | None:
        path = self.best()
        return int(json.loads((path / "best.json").read_text())["step"]) if path else None

    def best_value(self, metric: str) -> float | None:
        """Of the weights that are kept; None where none are, or by another metric."""
        path = self.best()
        facts = json.loads((path / "best.json").read_text()) if path else {}
        return facts["value"] if facts.get("metric") == metric else None

    def _put_in_place(self, partial: Path) -> Path:
        """Durable, and under its name."""
        sizes = {str(f.relative_to(partial)): f.stat().st_size for f in _files(partial)}
        (partial / "complete.json").write_text(json.dumps(sizes, indent=1))
        for path in [*_files(partial), partial]:
            _fsync(path)
        final, replaced = partial.with_suffix(""), partial.with_suffix(".replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        if final.exists():
            final.rename(replaced)
        partial.rename(final)
        _fsync(self._folder)
        shutil.rmtree(replaced, ignore_errors=True)
        return final

    def has(self, step: int) -> bool:
        """Whether a complete checkpoint of this step is there. It is not written again, but where more is known than
        then: replacing one takes a moment, two renames long, in which neither has its name."""
        return is_complete(self._folder / f"step_{step}")

    def complete(self) -> list[Path]:
        """Complete checkpoints, oldest first."""
        found = []
        for path in self._folder.glob("step_*") if self._folder.is_dir() else []:
            match = _NAME.match(path.name)
            if match and is_complete(path):
                found.append((int(match.group(1)), path))
        return [path for _, path in sorted(found)]

    def latest(self) -> Path | None:
        complete = self.complete()
        return complete[-1] if complete else None


def read_state(checkpoint: Path) -> tuple[dict[str, Any], list[Group]]:
    """state.json and the buffered groups of a complete checkpoint."""
    state = json.loads((checkpoint / "state.json").read_text())
    if state.get("format") != _FORMAT:
        raise CheckpointError(f"{checkpoint / 'state.json'}: format {state.get('format')!r}, expected {_FORMAT}")
    lines = (checkpoint / "buffer.jsonl").read_text(encoding="utf-8").splitlines()  # all ASCII
    return state, [group_from_json(json.loads(line)) for line in lines]


def is_complete(checkpoint: Path) -> bool:
    """Whether every file that was written is there in full."""
    listing = checkpoint / "complete.json"
    if not listing.is_file():
        return False
    sizes = json.loads(listing.read_text())
    return all((checkpoint / name).is_file() and (checkpoint / name).stat().st_size == n for name, n in sizes.items())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def export_checkpoint(run: Path, step: int | None, to: Path) -> Path:
    """Copy the Hugging Face folder of a run's checkpoint to a new folder.

    step: default the best one where the run keeps it (`trainer.best_metric`), else the last complete one.
    """
    if to.exists():
        raise CheckpointError(f"{to} exists already; name a folder that does not")
    checkpoints = Checkpoints(run / "checkpoints", keep=1)
    complete = checkpoints.complete()
    by_name = {path.name: path for path in complete}
    if not complete:
        raise CheckpointError(f"{run} holds no complete checkpoint")
    chosen = (checkpoints.best() or complete[-1]) if step is None else by_name.get(f"step_{step}")
    if chosen is None:
        raise CheckpointError(f"{run} has no complete checkpoint of step {step}; it has {', '.join(by_name)}")
    shutil.copytree(chosen / "hf", to)
    return chosen / "hf"
