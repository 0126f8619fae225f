"""`code` on the rows of HumanEval, MBPP, LiveCodeBench and code-contests: references, and mutants of them.

Every reference must pass. A mutant counts if the row's own tests, run by a plain `python` with nothing of `verifiers`,
end in time; where they reject it `code` must not call it correct, and where they accept it `code` must. A verdict that
is an error agrees with nothing.

    python -m benchmarks.code_rows --data-dir FOLDER [--mutants 4] [--seed 0] [--workers 2] [--smoke]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.code_data import NEEDS_A_CHECKER, CodeRow, load_rows
from benchmarks.common import Bench, cores, median, table, work_folder
from benchmarks.mutants import mutants
from benchmarks.trusted import truth

MANY = 3  # times as many mutants of the few rows of programs as of a function
LIMITS = {"time_s": 20.0, "total_s": 100.0}  # agreement is not to depend on how fast a machine is
SOURCES = ("HumanEval", "MBPP", "LiveCodeBench", "code-contests", "code-contests, C++")


@dataclass(frozen=True, slots=True)
class Job:
    """One program to be judged. row: its place in `load_rows`. change: empty for a reference."""

    row: int
    text: str
    change: str = ""


def jobs_of(rows: Sequence[CodeRow], count: int, seed: int, every: int = 1) -> list[Job]:
    """Of every n-th row its reference, and up to `count` mutants where that is Python."""
    made = []
    for place, row in enumerate(rows):
        if place % every:
            continue
        made.append(Job(place, row.solution))
        if row.language == "python":
            wanted = count if row.source in ("HumanEval", "MBPP") else MANY * count
            changed = mutants(row.solution, wanted, f"{seed}:{row.name}", row.function)
            made += [Job(place, mutant.source, mutant.change) for mutant in changed]
    return made


def run_trusted(options: Mapping[str, Any]) -> dict[str, Any]:
    rows, jobs = _read(options)
    started = time.perf_counter()
    with ThreadPoolExecutor(options["workers"]) as pool:
        found = list(pool.map(lambda job: truth(rows[job.row], job.text, options["time_s"]), jobs))
    return {"truths": [asdict(each) for each in found], "elapsed_s": time.perf_counter() - started}


def run_code(options: Mapping[str, Any]) -> dict[str, Any]:
    from verifiers.pool import VerifierPool

    rows, jobs = _read(options)
    with VerifierPool(options["workers"], timeout_s=LIMITS["total_s"] + 20.0) as pool:
        pool.prepare("code", LIMITS)
        started = time.perf_counter()
        futures = []
        for job in jobs:
            row = rows[job.row]
            config = {**LIMITS, "format": row.format, "language": row.language}
            futures.append(pool.submit("code", config, row.sample(job.text)))
        verdicts = [future.result() for future in futures]
        elapsed = time.perf_counter() - started
    return {"verdicts": [verdict.to_json() for verdict in verdicts], "elapsed_s": elapsed}


def _read(options: Mapping[str, Any]) -> tuple[list[CodeRow], list[Job]]:
    jobs = [Job(**job) for job in json.loads(Path(options["jobs"]).read_text())]
    return load_rows(Path(options["data"])), jobs


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"trusted": run_trusted, "code": run_code}


def agrees(accepted: bool | None, status: str) -> bool:
    """accepted: None where time ran out: so judged are references alone, which are right, as `code` has to say."""
    return status != "error" and (accepted is not False) == (status == "correct")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with the files of the benchmarks")
    parser.add_argument("--mutants", type=int, default=4, help=f"of each function; {MANY} times as many of a program")
    parser.add_argument("--seed", type=int, default=0, help="of the mutants")
    parser.add_argument("--workers", type=int, default=cores(), help="programs judged at a time, on both sides")
    parser.add_argument("--time-s", type=float, default=6.0, help="of a trusted run, after which it does not count")
    parser.add_argument("--smoke", action="store_true", help="see that it works: every 20th row, one mutant")
    args = parser.parse_args(argv)
    rows = load_rows(args.data_dir)
    jobs = jobs_of(rows, *((1, args.seed, 20) if args.smoke else (args.mutants, args.seed)))
    with work_folder() as work:
        bench = Bench("code_rows", "benchmarks.code_rows", work)
        trusted = bench.run("trusted", _options(args, jobs, work / "all.json"))
        truths = trusted["truths"]
        counted = [i for i, job in enumerate(jobs) if not job.change or truths[i]["accepted"] is not None]
        code = bench.run("code", _options(args, [jobs[i] for i in counted], work / "counted.json"))
        judged = [(jobs[i], truths[i], said) for i, said in zip(counted, code["verdicts"], strict=True)]
        _report(bench, rows, jobs, judged, args)


def _options(args: argparse.Namespace, jobs: Sequence[Job], path: Path) -> dict[str, Any]:
    path.write_text(json.dumps([asdict(job) for job in jobs]))
    return {"jobs": str(path), "data": str(args.data_dir.absolute()), "workers": args.workers, "time_s": args.time_s}


Judged = tuple[Job, dict[str, Any], dict[str, Any]]


def _report(
    bench: Bench, rows: Sequence[CodeRow], jobs: Sequence[Job], judged: Sequence[Judged], args: argparse.Namespace
) -> None:
    apart = [(job, true, said) for job, true, said in judged if not agrees(true["accepted"], said["status"])]
    print("\nRows with many right answers, judged by a checker of ours:")
    for name, why in NEEDS_A_CHECKER.items():
        print(f"  {name}: {why}")
    print(f"\n{_mutants(rows, jobs, judged)}")
    for job, true, said in apart:
        print(
            f"DISAGREE {rows[job.row].name}, {job.change or 'the reference'}: tests "
            f"{'accept' if true['accepted'] else 'reject'} it ({true['why']}); code: {said['status']}: {said['reason']}"
        )
    references = [_references(rows, judged, source) for source in SOURCES]
    bench.emit(
        "references: passed, and milliseconds to a verdict on all tests of one",
        ("", "rows", "passed", "ms, code", "ms, plain", "ratio", "slowest s", "of"),
        [row for row in references if row[1]],
        seed=args.seed,
        workers=args.workers,
        references={row[0]: row[1:] for row in references},
        mutants=_counts(jobs, judged),
        disagree=[[rows[job.row].name, job.change, true, said["status"], said["reason"]] for job, true, said in apart],
    )


def _references(rows: Sequence[CodeRow], judged: Sequence[Judged], source: str) -> tuple[Any, ...]:
    ours = [each for each in judged if not each[0].change and rows[each[0].row].source == source]
    if not ours:
        return (source, 0)
    seconds = [said["seconds"] for _, _, said in ours]
    passed = sum(said["status"] == "correct" for _, _, said in ours)
    middle, plain = 1000 * median(seconds), 1000 * median([true["seconds"] for _, true, _ in ours])
    slowest = max(ours, key=lambda each: each[2]["seconds"])[0]
    return source, len(ours), passed, middle, plain, middle / plain, max(seconds), rows[slowest.row].name


def _mutants(rows: Sequence[CodeRow], jobs: Sequence[Job], judged: Sequence[Judged]) -> str:
    shown = []
    for source in SOURCES[:-1]:
        made = [job for job in jobs if rows[job.row].source == source]
        shown.append((source, *_counts(made, [each for each in judged if rows[each[0].row].source == source]).values()))
    shown.append(("all", *_counts(jobs, judged).values()))
    return table("mutants", ("", "made", "out of time", "rejected", "agree", "accepted", "agree"), shown)


def _counts(jobs: Sequence[Job], judged: Sequence[Judged]) -> dict[str, int]:
    made = sum(bool(job.change) for job in jobs)
    changed = [(true["accepted"], said["status"]) for job, true, said in judged if job.change]
    rejected = [agrees(*each) for each in changed if not each[0]]
    accepted = [agrees(*each) for each in changed if each[0]]
    return {
        "made": made,
        "out_of_time": made - len(changed),
        "rejected": len(rejected),
        "rejected_agree": sum(rejected),
        "accepted": len(accepted),
        "accepted_agree": sum(accepted),
    }


if __name__ == "__main__":
    main()
