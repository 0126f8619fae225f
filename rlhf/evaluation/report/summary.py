"""`summary.json` in the run folder: how a run came out. The trainer writes it, the report and people read it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from rlhf.evaluation.intervals import Interval
from rlhf.whole_file import write_whole

SUMMARY_FILE = "summary.json"


class SummaryError(ValueError):
    """summary.json does not hold what it should; the message names the file, the key and what was found."""


@dataclass(frozen=True, slots=True)
class HeldoutPoint(Interval):
    """Held-out accuracy after `step` optimizer steps (0: before the first)."""

    step: int

    @classmethod
    def of(cls, step: int, accuracy: Interval) -> HeldoutPoint:
        return cls(**asdict(accuracy), step=step)


@dataclass(frozen=True, slots=True)
class Heldout:
    """Accuracy on prompts never trained on: before the RL stage, after it, and at every evaluation (both included)."""

    before: Interval | None = None
    after: Interval | None = None
    history: tuple[HeldoutPoint, ...] = ()


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, slots=True)
class Summary:
    """steps: optimizer steps done. seconds: wall time of the whole run, set-up and warm-up included.

    warmup: what the supervised stage says of itself (numbers and words by name), or None where there was none.
    status: `running` while the file is written on the way; the other three are how the run ended.
    """

    steps: int
    seconds: float
    heldout: Heldout | None = None
    warmup: Mapping[str, Any] | None = None
    status: Literal["running", "finished", "interrupted", "failed"] = "finished"


def write_summary(run_dir: Path, summary: Summary) -> Path:
    """Writes `summary.json` atomically: a reader finds the old file or the new one, never a part."""
    path = run_dir / SUMMARY_FILE
    text = json.dumps(_json_safe(asdict(summary)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, text.encode())
    return path


def read_summary(run_dir: Path) -> Summary | None:
    """The run's summary, or None where there is no file. Raises SummaryError for one that is malformed."""
    path = run_dir / SUMMARY_FILE
    if not path.is_file():
        return None
    try:
        return _adapter().validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SummaryError(f"{path}: {where}: {first['msg']} (found {first['input']!r:.80})") from error


@cache
def _adapter() -> TypeAdapter[Summary]:
    return TypeAdapter(Summary)


def _json_safe(value: Any) -> Any:
    """Non-finite floats as strings, as in metrics.jsonl: JSON has none."""
    if isinstance(value, Mapping):
        return {str(key): _json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_safe(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
