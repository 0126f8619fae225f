"""What the page's browser holds: a sample of every run's trajectories and of every evaluation's problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rlhf.evaluation.report import problems, sample
from rlhf.evaluation.report.plain import size
from rlhf.evaluation.report.sources import Source

BYTES = sample.TOTAL_BYTES + problems.TOTAL_BYTES
TOLD = 5  # sentences about lines of one folder that cannot be read; the others are counted


@dataclass(slots=True)
class Browsed:
    """groups: for the page; `from` says of which run, or of which evaluation. sentences: how they were drawn."""

    groups: list[dict[str, Any]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def browse(sources: Sequence[Source], room: int = BYTES) -> Browsed:
    """room: bytes of the page; the sources share it evenly, trajectories and evaluations as their own limits say."""
    found = Browsed()
    several = len(sources) > 1
    runs = [source for source in sources if source.run is not None]
    evaluated = [source for source in sources if source.latest is not None]
    wanted = sample.TOTAL_BYTES * bool(runs) + problems.TOTAL_BYTES * bool(evaluated)
    share = min(1.0, max(0, room) / wanted) if wanted else 0.0
    for source in runs:
        _trajectories(source, len(runs), share, several, found)
    for source in evaluated:
        _problems(source, len(evaluated), share, several, found)
    return found


def _trajectories(source: Source, among: int, share: float, several: bool, found: Browsed) -> None:
    most = max(10, sample.GROUPS // among)
    label = {"from": source.name}
    room = int(sample.TOTAL_BYTES * share) // among - most * size(label)
    taken = sample.sample_trajectories(source.path / "trajectories", most, room)
    found.groups += [{**label, **group} for group in taken.groups]
    before = f"{source.name}: " if several else ""
    if taken.groups or taken.too_large:
        found.sentences.append(before + taken.sentence)
    found.missing += [before + problem for problem in taken.problems[:TOLD]]
    if (more := len(taken.problems) - TOLD) > 0:
        found.missing.append(f"{before}{more} more lines of trajectories/ could not be read.")


def _problems(source: Source, among: int, share: float, several: bool, found: Browsed) -> None:
    assert source.latest is not None
    results = source.latest.results
    name = source.name if source.run is None else f"{source.name}, evaluation"
    label = {"from": name}
    most = max(10, problems.PROBLEMS // among, len(results.benchmarks))
    room = int(problems.TOTAL_BYTES * share) // among - most * size(label)
    taken = problems.sample_problems(source.latest, most, room)
    found.groups += [{**label, **group} for group in taken.groups]
    found.sentences.append(problems.sentence(name, taken, [result.name for result in results.benchmarks]))
    before = f"{source.name}: " if several else ""
    found.missing += [before + sentence for sentence in taken.missing]
