"""Rows of code benchmarks as `code` meets them, each with a solution that is right.

HumanEval and MBPP bring their own. Those of LiveCodeBench and code-contests have been written for their tests
(tests/verifiers/code/solutions), some with a checker where a task has many right answers.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, BenchmarkError
from verifiers import Sample

SOLUTIONS = ROOT / "tests" / "verifiers" / "code" / "solutions"
HUMANEVAL = "HumanEval.jsonl.gz"
MBPP = "mbpp_sanitized.jsonl"
LIVECODEBENCH = "sandboxfusion_livecodebench_sample.jsonl"
CODE_CONTESTS = "sandboxfusion_code_contests_sample.jsonl"
NEEDS_A_CHECKER = {
    "code-contests 4": "any weakened common divisor will do; the outputs are those of one program",
    "code-contests 7": "any shortest sequence of moves will do",
    "code-contests 11": "interactive: the outputs are one program's questions, the answers to which nobody gives (and "
    "the last test's are the other side's); the checker plays that side",
    "code-contests 13": "any colours that suit will do",
}
"""Rows that no honest program passes by comparison with their outputs, and why: judged by a checker of ours."""


@dataclass(frozen=True, slots=True)
class CodeRow:
    """name: e.g. `HumanEval 12`. format: of `metadata`, as the option of `code`. function: where mutants are
    changed, if the rest of the solution is the row's own prompt."""

    name: str
    source: str
    format: str
    metadata: Mapping[str, Any]
    solution: str
    language: str = "python"
    function: str | None = None

    def sample(self, text: str) -> Sample:
        """`text` as a response."""
        return Sample("", f"````{self.language}\n{text}\n````", None, self.metadata)


def load_rows(folder: Path) -> list[CodeRow]:
    """All rows of the files in `folder`. Raises BenchmarkError where one is missing."""
    missing = [name for name in (HUMANEVAL, MBPP, LIVECODEBENCH, CODE_CONTESTS) if not (folder / name).is_file()]
    if missing:
        raise BenchmarkError(f"{folder} has no {', '.join(missing)}; write --data-dir FOLDER, where the files are")
    return [*_humaneval(folder), *_mbpp(folder), *_livecodebench(folder), *_code_contests(folder)]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            yield json.loads(line)


def _humaneval(folder: Path) -> Iterator[CodeRow]:
    for row in _lines(folder / HUMANEVAL):
        metadata = {name: row[name] for name in ("prompt", "entry_point", "test")}
        whole = row["prompt"] + row["canonical_solution"]
        name = row["task_id"].replace("/", " ")
        yield CodeRow(name, "HumanEval", "humaneval", metadata, whole, function=row["entry_point"])


def _mbpp(folder: Path) -> Iterator[CodeRow]:
    for row in _lines(folder / MBPP):
        metadata = {name: row[name] for name in ("test_list", "test_imports")}
        yield CodeRow(f"MBPP {row['task_id']}", "MBPP", "mbpp", metadata, row["code"])


def _livecodebench(folder: Path) -> Iterator[CodeRow]:
    for row in _lines(folder / LIVECODEBENCH):
        solution = (SOLUTIONS / f"livecodebench_{row['id']:03}.py").read_text()
        name = f"LiveCodeBench {row['id']}"
        yield CodeRow(name, "LiveCodeBench", "livecodebench", {"test": row["test"]}, solution)


def _code_contests(folder: Path) -> Iterator[CodeRow]:
    for row in _lines(folder / CODE_CONTESTS):
        stem, name = f"code_contests_{row['id']:02}", f"code-contests {row['id']}"
        metadata = {"test": row["test"]}
        checker = SOLUTIONS / f"{stem}_checker.py"
        if checker.exists():
            metadata["checker"] = checker.read_text()
        solution = (SOLUTIONS / f"{stem}.py").read_text()
        yield CodeRow(name, "code-contests", "code_contests", metadata, solution)
        other = SOLUTIONS / f"{stem}.cpp"
        if other.exists():
            yield CodeRow(f"{name} (C++)", "code-contests, C++", "code_contests", metadata, other.read_text(), "cpp")
