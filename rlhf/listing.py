"""What `rlhf list` prints: tables of names with a line each, and what stands behind one name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rlhf.algorithms.catalog import CATALOG
from rlhf.evaluation.benchmarks.listing import benchmark_lines, detail_lines
from rlhf.recipe.attention_listing import kernel_detail, kernel_lines
from verifiers.listing import settings_lines, task_lines, verifier_lines
from verifiers.specs import VERIFIERS

TABLES: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "algorithms": lambda: {name: definition.summary for name, definition in CATALOG.items()},
    "verifiers": verifier_lines,
    "attention": kernel_lines,
    "benchmarks": benchmark_lines,
}


class ListingError(ValueError):
    """Nothing of that name is listed; the message says what is."""


def lines_of(what: str | None, name: str | None) -> Iterator[str]:
    """All tables, one of them, or what stands behind a name of it. Raises ListingError."""
    if what is not None and what not in TABLES:
        raise ListingError(f"{what!r} cannot be listed; write {' or '.join(TABLES)}")
    if name is not None:
        yield from _behind(what or "", name)
        return
    for table in [what] if what else TABLES:
        if what is None:
            yield f"{table}:"
        yield from _columns(TABLES[table]())


def _behind(what: str, name: str) -> Iterator[str]:
    if what in ("attention", "benchmarks"):
        try:
            parts = kernel_detail(name) if what == "attention" else [detail_lines(name)]
            for part in parts:
                yield from [part] if isinstance(part, str) else _columns(part)
        except ValueError as error:
            raise ListingError(str(error)) from None
        return
    if what != "verifiers":
        raise ListingError(f"{what} have no settings to be listed: remove {name!r}")
    if name not in VERIFIERS:
        raise ListingError(f"{name!r} is no built-in verifier; write verifiers {' | '.join(VERIFIERS)}")
    yield f"{VERIFIERS[name].summary}\n\nsettings, with their defaults in brackets:"
    yield from _columns(settings_lines(name))
    tasks, legend = task_lines(name)
    if tasks:
        yield "\ntasks:"
        yield from _columns(tasks)
        yield f"\n{legend}"


def _columns(lines: Mapping[str, str]) -> Iterator[str]:
    width = max(map(len, lines))
    for name, line in lines.items():
        yield f"{name:<{width}}  {line}"
