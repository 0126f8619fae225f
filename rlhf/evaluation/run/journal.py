"""The journal of an evaluation: every judged sample, a line each, written as it comes. A killed run goes on from it.

    {"kind": "longthought-evaluation-samples", "format": 1, "contents": {…}}    what was asked; the last one counts
    {"session": 0}                                                             a process begins
    {"benchmark": "gsm8k", "problem": "17", "sample": 0, "response": "…", …}   a sample; a later line takes its place

Lines are ASCII, so that a line ends where the file's line ends whatever a model writes. A last line that a kill tore
is cut off before the next is written.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from rlhf.evaluation.results import ResultsError
from verifiers.base import Status

KIND = "longthought-evaluation-samples"
FORMAT = 1
PARTS = ("model", "settings", "benchmarks", "versions")
"""Of what was asked; see contents.py."""
Key = tuple[str, str, int]


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True)
class SampleRow:
    """One judged answer. tokens: of the response. forced: the thinking part was ended by its budget.

    seconds: that judging took. began, ended: of asking and judging, in seconds since its session began; of one that was
    judged again, still those of its answer.
    """

    benchmark: str
    problem: str
    sample: int
    response: str
    status: str
    score: float | None
    extracted: str | None
    vote: str | None
    reason: str
    tokens: int
    truncated: bool
    forced: bool
    seconds: float
    began: float
    ended: float
    session: int

    @property
    def key(self) -> Key:
        return (self.benchmark, self.problem, self.sample)

    @property
    def is_error(self) -> bool:
        return self.status == Status.ERROR


@dataclass(slots=True)
class Contents:
    """What a journal holds: of every sample the last line. sessions: processes that wrote it."""

    asked: Mapping[str, Any] | None
    rows: dict[Key, SampleRow]
    sessions: int
    intact_bytes: int


def read_samples(path: Path) -> Iterator[SampleRow]:
    """Every sample of a journal once, in no particular order. Raises ResultsError for a file that is none."""
    yield from read_journal(path).rows.values()


def read_journal(path: Path) -> Contents:
    """Raises ResultsError for a file that cannot be read or is no journal of this version."""
    found = Contents(None, {}, 0, 0)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break  # torn by a kill
                _take(found, line, path, number)
                found.intact_bytes += len(line)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error}") from error
    return found


def _parsed(line: bytes, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ResultsError(f"{path}:{number}: not JSON ({error}); move the file away to begin anew") from error


def _take(found: Contents, text: bytes, path: Path, number: int) -> None:
    line = _parsed(text, path, number)
    if number == 1 and (not isinstance(line, dict) or line.get("kind") != KIND):
        raise ResultsError(f"{path}: is no journal of `rlhf eval`; write another --out, or move the file away")
    if not isinstance(line, dict):
        raise ResultsError(f"{path}:{number}: found {line!r:.80}; move the file away to begin anew")
    if line.get("kind") == KIND:
        if line.get("format") != FORMAT:
            raise ResultsError(
                f"{path}: format {line.get('format')!r}, this version writes {FORMAT}; write another --out"
            )
        found.asked = _contents(line.get("contents"), path, number)
    elif set(line) == {"session"} and type(line["session"]) is int:
        found.sessions = line["session"] + 1
    else:
        _take_row(found, text, path, number)


def _contents(asked: Any, path: Path, number: int) -> Mapping[str, Any]:
    if not isinstance(asked, dict) or not all(isinstance(asked.get(part), dict) for part in PARTS):
        raise ResultsError(f"{path}:{number}: does not say what was asked; move the file away to begin anew")
    return asked


def _take_row(found: Contents, text: bytes, path: Path, number: int) -> None:
    try:
        row = _rows().validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ResultsError(f"{path}:{number}: no sample ({where}: {first['msg']}); move the file away") from error
    earlier = found.rows.get(row.key)
    if earlier is not None and not earlier.is_error:
        raise ResultsError(
            f"{path}:{number}: sample {row.sample} of problem {row.problem} of {row.benchmark} is there twice; none "
            "counts twice: take one of the lines out"
        )
    found.rows[row.key] = row


@cache
def _rows() -> TypeAdapter[SampleRow]:
    return TypeAdapter(SampleRow)


def locked(path: Path) -> BinaryIO:
    """The file, created where it is missing, for appending by this process alone. Raises ResultsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise ResultsError(f"{path}: cannot be written: {error}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ResultsError(f"{path}: another process is writing it; wait for it, or write another --out") from None
    return file


class Journal:
    """A journal that is written to. Use as a context manager; `add` is durable against a kill of this process."""

    def __init__(self, file: BinaryIO, contents: Contents, asked: Mapping[str, Any]) -> None:
        """file: from `locked`. contents: what `read_journal` found in it. asked: of now."""
        self.rows: dict[Key, SampleRow] = dict(contents.rows)
        self.session = contents.sessions
        self._file = file
        self._file.truncate(contents.intact_bytes)
        if contents.asked != asked:
            self._write({"kind": KIND, "format": FORMAT, "contents": asked})
        self._write({"session": self.session})

    def add(self, row: SampleRow) -> None:
        self._write(asdict(row))
        self.rows[row.key] = row

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
