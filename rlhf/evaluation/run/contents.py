"""What a journal was written for: a killed evaluation may go on with it only if the same is asked again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlhf.evaluation.results import ModelFacts, ResultsError, Settings
from rlhf.evaluation.run.tasks import Prepared
from rlhf.run_folder import versions

JUDGING = ("longthought", "math-verify", "reasoning-gym")
"""Packages that verdicts come from."""
_GROWS = "samples"
"""A benchmark may be asked for more samples than before: those that are there count."""


def contents_of(model: ModelFacts, settings: Settings, prepared: Sequence[Prepared]) -> dict[str, Any]:
    """All that decides what a sample is. Plain JSON values."""
    return {
        "model": {"fingerprint": model.fingerprint, "dtype": model.dtype},
        "versions": {name: found for name, found in versions().items() if name in JUDGING},
        "settings": {name: value for name, value in settings.model_dump().items() if name != "seed"},
        "benchmarks": {
            benchmark.name: {
                "problems": len(benchmark.prompts),
                "digest": benchmark.digest,
                "samples": benchmark.samples,
                "temperature": benchmark.temperature,
                "verifier": benchmark.loaded.benchmark.verifier,
                "config": dict(benchmark.loaded.benchmark.config),
            }
            for benchmark in prepared
        },
    }


def require_same(before: Mapping[str, Any] | None, now: Mapping[str, Any], journal: Path) -> dict[str, Any]:
    """What the journal holds from now on: benchmarks may be added, and samples. Raises ResultsError for the rest."""
    if before is None:
        return dict(now)
    differing = [
        f"{where}: it has {old!r}, asked for is {new!r}"
        for part in ("model", "settings")
        for where, old, new in _differences(before[part], now[part], part)
    ]
    kept = dict(before["benchmarks"])
    for name, asked in now["benchmarks"].items():
        earlier = kept.get(name)
        if earlier is not None:
            differing += [
                f"{where}: it has {old!r}, asked for is {new!r}"
                for where, old, new in _differences(earlier, asked, name)
                if not (where == f"{name}.{_GROWS}" and new > old)
            ]
        kept[name] = asked
    if differing:
        listed = "\n  ".join(differing)
        raise ResultsError(
            f"{journal}: its samples were asked for otherwise; ask for the same to go on, write another --out, or "
            f"--restart to begin anew:\n  {listed}"
        )
    return {**now, "benchmarks": kept}


def changed_versions(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What the samples of a journal were judged by otherwise, a line each."""
    found = _differences(before["versions"], now["versions"], "versions") if before is not None else ()
    return [
        f"earlier samples were judged by {where.partition('.')[2]} {old}, these by {new}" for where, old, new in found
    ]


def _differences(before: Any, now: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(name), now.get(name), f"{where}.{name}")
    elif before != now:
        yield where, before, now
