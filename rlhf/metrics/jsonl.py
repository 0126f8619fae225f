"""`metrics.jsonl`: one JSON object a step, the record that everything else can be rebuilt from.

Valid JSON always. JSON has no NaN or infinity, so those are written as the strings "nan", "inf" and "-inf"
(a diverged run must show it); no data is null. `read_metrics` turns the strings back into floats.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, SupportsFloat

Number = float | int | None
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class MetricsFileError(ValueError):
    """metrics.jsonl cannot be read or may not be written; the message names the file, the line and the fix."""


def plain_number(key: str, value: object) -> Number:
    """`value` as a Python number (tensors and numpy scalars included). Raises TypeError naming the key otherwise."""
    if value is None or type(value) in (float, int):
        return value  # type: ignore[return-value]
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (str, bytes)) or not isinstance(value, SupportsFloat):
        raise TypeError(f"metric {key!r} is {value!r} ({type(value).__name__}): a number or None was expected")
    return float(value)


def _encode(value: Number) -> Number | str:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def _decode(value: Any) -> Any:
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value


class JsonlSink:
    """Appends a line a step, flushed at once, so that a killed process loses at most the line it was writing.

    resume_step: None for a fresh run, whose file must not hold anything yet. n: the run goes on after step n;
    what an earlier process wrote of later steps is taken out first (atomically), as is a torn last line.
    """

    def __init__(self, path: Path, resume_step: int | None = None) -> None:
        self.path = path
        self._last_step: int | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        if resume_step is None:
            if path.exists() and path.stat().st_size:
                raise MetricsFileError(
                    f"{path}: holds the metrics of an earlier run. "
                    "Write `--resume` to continue it, or choose another `run.name`."
                )
        elif path.exists():
            self._last_step = _keep_through(path, resume_step)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Writes one line, or adds to the last one if it is of the same step (a held-out accuracy that came later).

        Raises ValueError for an earlier step, OSError if the disk refuses.
        """
        if self._last_step is not None and step < self._last_step:
            raise ValueError(f"{self.path}: step {step} comes after step {self._last_step}; steps are written in order")
        if "step" in metrics:
            raise ValueError(f"{self.path}: `step` is the line's own key; name the metric otherwise")
        row: dict[str, Any] = {"step": step}
        row.update((key, _encode(plain_number(key, value))) for key, value in metrics.items())
        if step == self._last_step:
            self._amend(row)
        else:
            self._file.write(_line_of(row))
            self._file.flush()
        self._last_step = step

    def _amend(self, row: dict[str, Any]) -> None:
        """The last line with `row` added, in a new file that takes the old one's place at once."""
        self._file.close()
        lines = [line for line in _lines(self.path) if line.row is not None]
        last = lines[-1].row or {}
        _replace(self.path, [line.text for line in lines[:-1]] + [_line_of(last | row).encode()])
        self._file = self.path.open("a", encoding="utf-8")

    def sync(self) -> None:
        """Forces what was written onto the disk; called at every checkpoint, so that both survive a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if not self._file.closed:
            self.sync()
            self._file.close()


def read_metrics(path: Path, on_torn: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """The rows of a metrics file, in order, each with its `step`; see `iter_metrics`."""
    return list(iter_metrics(path, on_torn))


def iter_metrics(path: Path, on_torn: Callable[[str], None] | None = None) -> Iterator[dict[str, Any]]:
    """One row at a time.

    A torn last line (the process was killed while writing it) is left out and told to `on_torn`; any other
    malformed line raises MetricsFileError with its number.
    """
    for line in _lines(path):
        if line.row is not None:
            yield {key: _decode(value) for key, value in line.row.items()}
        elif on_torn is not None:
            on_torn(f"{path}:{line.number}: the last line is torn and left out")


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: bytes
    row: dict[str, Any] | None  # None: a torn last line


def _lines(path: Path) -> Iterator[_Line]:
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            row = _parse(text)
            if row is None and file.peek(1):
                found = text[:80].decode("utf-8", "replace").rstrip()
                raise MetricsFileError(
                    f'{path}:{number}: not a JSON object with an integer "step": {found!r}. Delete that line.'
                )
            yield _Line(number, text, row)


def _parse(text: bytes) -> dict[str, Any] | None:
    if not text.endswith(b"\n"):
        return None  # even if it parses: its last number may have been cut short
    try:
        row = json.loads(text)
    except ValueError:  # malformed JSON or UTF-8
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return None
    return row


def _keep_through(path: Path, resume_step: int) -> int | None:
    """Rewrites `path` with the lines up to `resume_step` only; returns the last step that it now holds."""
    kept = [line for line in _lines(path) if line.row is not None and line.row["step"] <= resume_step]
    _replace(path, [line.text for line in kept])
    return max((line.row["step"] for line in kept if line.row is not None), default=None)


def _line_of(row: Mapping[str, Any]) -> str:
    return json.dumps(row, allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"


def _replace(path: Path, lines: list[bytes]) -> None:
    repaired = path.with_name(path.name + ".repaired")
    with repaired.open("wb") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    repaired.replace(path)
