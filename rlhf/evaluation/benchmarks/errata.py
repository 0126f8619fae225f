"""Known wrong gold answers, corrected by name and never otherwise."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Sequence

from rlhf.data.errors import DataError
from rlhf.evaluation.benchmarks.registry import BENCHMARKS
from rlhf.evaluation.benchmarks.spec import Benchmark, Erratum
from rlhf.evaluation.problem import Problem


def require_known(names: Collection[str]) -> None:
    """Raises DataError for a name that no benchmark of the table has."""
    known = [name for benchmark in BENCHMARKS.values() for name in benchmark.errata]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise DataError("evaluation.errata", f"no erratum is named {name!r}; {hint}")


def corrected(
    benchmark: Benchmark, problems: Sequence[Problem], names: Collection[str]
) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """The problems with those errata of `names` that are this benchmark's in force, and their names.

    In force is an erratum too where this copy has the right answer already. Raises DataError where the copy does not
    have the problem.
    """
    made = list(problems)
    applied = tuple(name for name in benchmark.errata if name in names)
    for name in applied:
        place = _place_of(name, benchmark.errata[name], benchmark, made)
        made[place] = dataclasses.replace(made[place], reference=benchmark.errata[name].reference)
    return tuple(made), applied


def _place_of(name: str, erratum: Erratum, benchmark: Benchmark, problems: Sequence[Problem]) -> int:
    words = _normal(erratum.problem)
    places = [index for index, problem in enumerate(problems) if words in _normal(problem.question)]
    if len(places) != 1:
        found = "no problem" if not places else f"{len(places)} problems"
        raise DataError(
            "evaluation.errata",
            f"{name}: {found} of this copy of {benchmark.name} say “{erratum.problem}”; leave it out for this copy",
        )
    return places[0]


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()
