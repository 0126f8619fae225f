"""What the page's browser holds: a sample of every run's trajectories and of every evaluation's problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rlhf.evaluation.report import problems, sample
from rlhf.evaluation.report.sources import Source

TOLD = 5  # sentences about lines of one folder that cannot be read; the others are counted


@dataclass(slots=True)
class Browsed:
    """groups: for the page; `from` says of which run, or of which evaluation. sentences: how they were drawn."""

    groups: list[dict[str, Any]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def browse(sources: Sequence[Source]) -> Browsed:
    """The sources share the room of the page evenly."""
    found = Browsed()
    several = len(sources) > 1
    runs = [source for source in sources if source.run is not None]
    for source in runs:
        _trajectories(source, len(runs), several, found)
    evaluated = [source for source in sources if source.latest is not None]
    for source in evaluated:
        _problems(source, len(evaluated), several, found)
    return found


def _trajectories(source: Source, share: int, several: bool, found: Browsed) -> None:
    folder = source.path / "trajectories"
    taken = sample.sample_trajectories(folder, max(10, sample.GROUPS // share), sample.TOTAL_CHARS // share)
    found.groups += [{"from": source.name, **group} for group in taken.groups]
    before = f"{source.name}: " if several else ""
    if taken.groups:
        found.sentences.append(before + taken.sentence)
    found.missing += [before + problem for problem in taken.problems[:TOLD]]
    if (more := len(taken.problems) - TOLD) > 0:
        found.missing.append(f"{before}{more} more lines of trajectories/ could not be read.")


def _problems(source: Source, share: int, several: bool, found: Browsed) -> None:
    assert source.latest is not None
    results = source.latest.results
    taken = problems.sample_problems(source.latest, max(10, problems.PROBLEMS // share), problems.TOTAL_CHARS // share)
    name = source.name if source.run is None else f"{source.name}, evaluation"
    found.groups += [{"from": name, **group} for group in taken.groups]
    found.sentences.append(problems.sentence(name, taken, [result.name for result in results.benchmarks]))
    before = f"{source.name}: " if several else ""
    found.missing += [before + sentence for sentence in taken.missing]
