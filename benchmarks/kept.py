"""Answers of a benchmark's sides that outlive the program: it goes on where it was stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, machine, say
from benchmarks.quiet import QUIET


@dataclass(frozen=True, slots=True)
class Kept:
    """folder: where the answers are; None: nowhere."""

    bench: Bench
    folder: Path | None

    def run(self, name: str, side: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """`Bench.run`, unless an answer of this name to the same options is there. What else the machine did counts
        as it did then."""
        file = None if self.folder is None else self.folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}.json"
        asked = json.loads(json.dumps({"side": side, **options}))
        if file is not None and file.exists():
            held = json.loads(file.read_text())
            if held["asked"] == asked:
                say(f"{self.bench.name}: {name}: kept from before")
                self.bench.disturbed.append(held["other_work"])
                answer: dict[str, Any] = held["answer"]
                return answer
        say(f"{self.bench.name}: {name}")
        answer = self.bench.run(side, options)
        if file is not None:
            write_whole(file, {"asked": asked, "answer": answer, "other_work": self.bench.disturbed[-1]})
        return answer


def write_line(file: Path | None, bench: Bench, figures: Mapping[str, Any]) -> None:
    """What `Bench.emit` prints as its last line, as a file, if there is to be one."""
    if file is not None:
        head = {
            "benchmark": bench.name,
            "machine": machine(),
            "quiet": max(bench.disturbed, default=0.0) <= QUIET,
            "other_work": [round(share, 3) for share in bench.disturbed],
        }
        write_whole(file, head | dict(figures))


def write_whole(file: Path, value: Mapping[str, Any]) -> None:
    """Under a name of its own until it is complete."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(value, ensure_ascii=False) + "\n")
    part.replace(file)
