"""Faults of data, each naming where it stands, what was found, and what to write."""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN_ROWS = 20
LONG_NUMBER = "holds a whole number of thousands of digits, more than Python reads; write it as text"


class DataError(ValueError):
    """Data that cannot be trained on. The message is `origin: what was found; what to write`.

    It quotes data, so what UTF-8 cannot hold is escaped: a message must always be one that can be printed.
    """

    def __init__(self, origin: str, message: str) -> None:
        message = message.encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(f"{origin}: {message}")
        self.origin, self.message = origin, message


class BadRowError(DataError):
    """One malformed row: stops the run, or is skipped and listed (`data.on_bad_row`)."""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@dataclass
class SetReport:
    """What became of the rows of one set. Every row read is kept or is in one of the lists.

    duplicates: kept prompts whose normalised text an earlier one of the set has.
    """

    name: str
    read: int = 0
    kept: int = 0
    bad: list[BadRowError] = field(default_factory=list)
    long: list[BadRowError] = field(default_factory=list)
    overlapping: list[str] = field(default_factory=list)
    duplicates: int = 0
    longest_prompt: int = 0
    wanted: int | None = None

    def add(self, other: SetReport) -> None:
        """What became of the rows of a further source of the same set."""
        self.read += other.read
        self.bad += other.bad
        self.long += other.long
        self.wanted = None if self.wanted is None or other.wanted is None else self.wanted + other.wanted

    def summary(self) -> str:
        notes = [
            f"{_count(len(self.bad), 'bad row')} skipped" if self.bad else "",
            f"{len(self.long):,} beyond max_prompt_tokens skipped" if self.long else "",
            f"{len(self.overlapping):,} dropped as held out" if self.overlapping else "",
            _count(self.duplicates, "duplicate") if self.duplicates else "",
            f"{self.wanted:,} were asked for" if self.wanted is not None and self.kept < self.wanted else "",
            f"longest {self.longest_prompt} tokens",
        ]
        return f"{self.name}: {_count(self.kept, 'prompt')} ({', '.join(n for n in notes if n)})"


@dataclass
class LoadReport:
    """What was loaded, in one line, and every row that was not."""

    train: SetReport
    heldout: SetReport | None = None

    def __str__(self) -> str:
        """The summary, and at most SHOWN_ROWS of the rows that were left out, a line each."""
        details = self.details()
        hidden = len(details) - SHOWN_ROWS
        more = [f"and {_count(hidden, 'more row')}"] if hidden > 0 else []
        return "\n".join([self.summary(), *details[:SHOWN_ROWS], *more])

    def summary(self) -> str:
        return "; ".join(part.summary() for part in (self.train, self.heldout) if part is not None)

    def details(self) -> list[str]:
        """A line for every row that was left out, with its place and the reason."""
        lines: list[str] = []
        for part in (self.train, self.heldout):
            if part is not None:
                lines += [str(fault) for fault in (*part.bad, *part.long)]
                lines += [f"{origin}: held out, so not trained on" for origin in part.overlapping]
        return lines
