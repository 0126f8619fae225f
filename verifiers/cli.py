"""The work of `rlhf verify`: a file of responses through a pool, a file of verdicts in the same order."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from verifiers.base import Sample, Status, Verdict
from verifiers.lookup import check_importable
from verifiers.pool import VerifierPool
from verifiers.pool.slot import Isolation
from verifiers.registry import check_config
from verifiers.specs import VERIFIERS

MAX_PROBLEMS = 20
_FIELDS: Mapping[str, tuple[type, ...]] = {
    "response": (str,),
    "reference": (str, int, float, list, dict, type(None)),
    "prompt": (str,),
    "metadata": (dict,),
}


def verify_file(
    name: str,
    config: Mapping[str, Any],
    in_path: Path,
    out_path: Path,
    *,
    workers: int = 1,
    timeout_s: float = 10.0,
    memory_mb: int = 2048,
    isolation: Isolation = "required",
    python_path: Sequence[str] | None = None,
) -> Counted:
    """Judge every line of `in_path`, a JSON object `{"response", "reference"?, "prompt"?, "metadata"?}` each.

    Writes one line `{"score", "status", "extracted", "reason", "seconds"}` for each, in order; `out_path` appears when
    all is done. A reference that is no text is taken as its JSON. Returns the counts by status, and the first error's
    reason. Raises ValueError, before anything runs, naming file and line of what
    is malformed; and what `VerifierPool.prepare` raises.
    """
    check_config(name, config)
    if ":" in name:
        check_importable(name, [*(python_path or ()), str(Path.cwd())])
    if not in_path.is_file():
        raise ValueError(f"no file {in_path} as seen from {Path.cwd()}")
    if os.path.abspath(in_path) == os.path.abspath(out_path):  # noqa: PTH100 - symlinks are to be kept apart here
        raise ValueError(f"{out_path} is the input too; write another --out")
    _check_lines(name, in_path)
    partial = out_path.with_name(out_path.name + ".partial")
    counted = Counted()
    with VerifierPool(
        workers, timeout_s=timeout_s, memory_mb=memory_mb, isolation=isolation, python_path=python_path
    ) as pool:
        pool.prepare(name, config)
        with partial.open("w", encoding="utf-8") as out:
            waiting: deque[Future[Verdict]] = deque()
            for sample in _samples(in_path):
                waiting.append(pool.submit(name, config, sample))
                while waiting and (waiting[0].done() or len(waiting) > 4096):
                    _write(out, waiting.popleft().result(), counted)
            while waiting:
                _write(out, waiting.popleft().result(), counted)
    partial.replace(out_path)
    return counted


@dataclass(slots=True)
class Counted:
    """statuses: how many verdicts of each. first_error: which verdict and its reason, empty if there is none."""

    statuses: dict[str, int] = field(default_factory=lambda: {str(status): 0 for status in Status})
    first_error: str = ""

    def add(self, verdict: Verdict) -> None:
        self.statuses[verdict.status] += 1
        if verdict.status is Status.ERROR and not self.first_error:
            self.first_error = f"verdict {sum(self.statuses.values())}: {verdict.reason}"


def _write(out: IO[str], verdict: Verdict, counted: Counted) -> None:
    out.write(json.dumps(verdict.to_json()) + "\n")
    counted.add(verdict)


def _samples(path: Path) -> Iterator[Sample]:
    for _, text in _lines(path):
        row = json.loads(text)
        reference = row.get("reference")
        yield Sample(
            row.get("prompt", ""),
            row["response"],
            reference if reference is None or isinstance(reference, str) else json.dumps(reference, ensure_ascii=False),
            row.get("metadata", {}),
        )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines, from 1; blank ones are left out."""
    with path.open(encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            if text.strip():
                yield number, text


def _check_lines(name: str, path: Path) -> None:
    spec = VERIFIERS.get(name)
    needs_reference = spec is not None and spec.needs_reference
    problems: list[str] = []
    for number, text in _lines(path):
        problem = _line_problem(text, needs_reference)
        if problem:
            problems.append(f"{path}:{number}: {problem}")
        if len(problems) == MAX_PROBLEMS:
            problems.append("(more lines were not looked at)")
            break
    if problems:
        raise ValueError("\n".join(problems))


def _line_problem(text: str, needs_reference: bool) -> str | None:
    """What is wrong with one line, and what to write; None if nothing is."""
    try:
        row = json.loads(text)
    except ValueError as problem:
        return f"not JSON ({problem}); write one object a line"
    if not isinstance(row, dict):
        return f'found a {type(row).__name__}; write an object {{"response": …, "reference": …}}'
    if "response" not in row:
        return 'no "response"; write the model\'s text there'
    if needs_reference and row.get("reference") is None:
        return 'no "reference"; write the gold answer there'
    for key, value in row.items():
        accepted = _FIELDS.get(key)
        if accepted is not None and (not isinstance(value, accepted) or isinstance(value, bool)):
            return f'"{key}" is {json.dumps(value)[:60]}; write a {accepted[0].__name__}'
    return None
