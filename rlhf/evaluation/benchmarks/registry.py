"""The one table of benchmarks. Nothing here imports a reader, a data set library or a verifier."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from rlhf.evaluation.benchmarks import code, math, science
from rlhf.evaluation.benchmarks.gym import PREFIX, gym_benchmark
from rlhf.evaluation.benchmarks.spec import Benchmark

BENCHMARKS: Mapping[str, Benchmark] = {
    benchmark.name: benchmark for family in (math, science, code) for benchmark in family.BENCHMARKS
}


def names() -> tuple[str, ...]:
    """Of the table; beside these there are `reasoning_gym:TASK` and files of one's own."""
    return tuple(BENCHMARKS)


def find(name: str) -> Benchmark:
    """The benchmark of that name, `reasoning_gym:TASK` among them. Raises ValueError with a suggestion."""
    if name in BENCHMARKS:
        return BENCHMARKS[name]
    if name.startswith(PREFIX) and len(name) > len(PREFIX):
        return gym_benchmark(name.removeprefix(PREFIX))
    plain = {_plain(known): known for known in BENCHMARKS}
    near = difflib.get_close_matches(_plain(name), plain, n=1)
    hint = f"did you mean {plain[near[0]]}?" if near else f"there are: {', '.join(BENCHMARKS)}, {PREFIX}TASK"
    raise ValueError(f"no benchmark is named {name!r}; {hint} (your own file: an entry with `file`)")


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace("2024", "24").replace("2025", "25")
