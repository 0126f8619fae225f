"""Text that the teacher sampled, as it lies in the run folder: token ids, a line a sample, written as they come.

text/sampled.jsonl    {"number": 7, "prompt": [1], "tokens": [306, 29, ...]}
text/teacher.json     {"model": …}: of which model; written before the first sample
text/about.json       written when it is complete: of which model, how many samples and tokens
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rlhf.whole_file import write_whole

SAMPLED, TEACHER, ABOUT = "sampled.jsonl", "teacher.json", "about.json"


class TextError(ValueError):
    """The text of a run cannot be used; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """number: of the request; the same number is always asked for in the same way. tokens: what was sampled, the end
    token included where it came."""

    number: int
    prompt: tuple[int, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AboutText:
    """model: fingerprint of the teacher's folder."""

    model: str
    samples: int
    tokens: int


class TextFile:
    """The text of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, model: str) -> None:
        """model: fingerprint of the teacher's folder. TextError where the samples that are here are another model's."""
        path = self.folder / TEACHER
        if path.is_file() and (found := json.loads(path.read_text("utf-8"))["model"]) != model:
            raise TextError(
                f"{self.folder} was sampled by another model than policy.model is now (fingerprints {found} and "
                f"{model}); put that model back, or start a new run"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"model": model}).encode())

    def read(self) -> list[Sample]:
        """In order of their numbers. A line that was cut off by a kill is the last one, and is passed over."""
        return sorted(self._rows(), key=lambda sample: sample.number)

    def _rows(self) -> Iterator[Sample]:
        path = self.folder / SAMPLED
        for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            yield Sample(row["number"], tuple(row["prompt"]), tuple(row["tokens"]))

    def keep(self, samples: Sequence[Sample]) -> None:
        """Nothing but these: before more are added, where a torn line may be the last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / SAMPLED, "".join(map(_line, samples)).encode())

    def add(self, sample: Sample) -> None:
        with (self.folder / SAMPLED).open("a", encoding="utf-8") as file:
            file.write(_line(sample))

    def complete(self, about: AboutText) -> None:
        write_whole(self.folder / ABOUT, json.dumps(asdict(about), indent=1).encode())

    def about(self) -> AboutText | None:
        """None until it is complete."""
        path = self.folder / ABOUT
        return AboutText(**json.loads(path.read_text("utf-8"))) if path.is_file() else None


def _line(sample: Sample) -> str:
    return json.dumps({"number": sample.number, "prompt": sample.prompt, "tokens": sample.tokens}) + "\n"
