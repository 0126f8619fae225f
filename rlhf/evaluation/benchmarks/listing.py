"""What `rlhf list benchmarks` prints: the benchmarks, or everything about one."""

from __future__ import annotations

from rlhf.evaluation.benchmarks.gym import PREFIX
from rlhf.evaluation.benchmarks.hub import UNVERIFIED
from rlhf.evaluation.benchmarks.registry import BENCHMARKS, find
from rlhf.evaluation.benchmarks.spec import Benchmark, Hub


def benchmark_lines() -> dict[str, str]:
    """Name -> samples of a problem, what it is, and where it comes from."""
    lines = {name: _summary(benchmark) for name, benchmark in BENCHMARKS.items()}
    lines[f"{PREFIX}TASK"] = "problems made by a task of reasoning-gym, e.g. chain_sum: rlhf list verifiers logic"
    lines["your own"] = "an entry of name, file, prompt_field, reference_field, verifier; jsonl, csv or parquet"
    return lines


def detail_lines(name: str) -> dict[str, str]:
    """Of one benchmark: key -> value. Raises ValueError for an unknown name."""
    benchmark = find(name)
    lines = {"what": benchmark.summary, "kind": benchmark.kind, "source": _source(benchmark)}
    if benchmark.hub is not None:
        lines["revision"] = benchmark.hub.revision or UNVERIFIED
    if benchmark.files:
        lines["files"] = f"{', '.join(benchmark.files)} (in --data-dir, the first that is there)"
    lines["samples"] = f"{benchmark.samples} of a problem, unless asked for otherwise"
    lines["licence"] = benchmark.licence
    settings = ", ".join(f"{key}: {value}" for key, value in benchmark.config.items())
    lines["verifier"] = benchmark.verifier + (f" ({settings})" if settings else "")
    if benchmark.note:
        lines["note"] = benchmark.note
    lines["instruction"] = repr(benchmark.instruction)
    if benchmark.categories:
        lines["categories"] = benchmark.categories
    for key, erratum in benchmark.errata.items():
        lines[f"erratum {key}"] = (
            f"“{erratum.problem} …” is {erratum.reference}: {erratum.why} (source: {erratum.source})"
        )
    return lines


def _summary(benchmark: Benchmark) -> str:
    assert benchmark.hub is not None
    errata = f"; {len(benchmark.errata)} errata" if len(benchmark.errata) > 1 else "; 1 erratum" * len(benchmark.errata)
    return f"{benchmark.summary}; n {benchmark.samples}; {_pinned(benchmark.hub)}{errata}"


def _pinned(hub: Hub) -> str:
    return f"{hub.id}@{hub.revision[:7] if hub.revision else UNVERIFIED}"


def _source(benchmark: Benchmark) -> str:
    hub = benchmark.hub
    if hub is None:
        return "made by reasoning-gym's generators"
    parts = [hub.id, *([f"subset {hub.subset}"] if hub.subset else []), f"split {hub.split}"]
    return ", ".join([*parts, *([f"its file {hub.file}"] if hub.file else [])])
