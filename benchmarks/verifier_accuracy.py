"""How right and how fast `math` is, with Math-Verify alone beside it on the same cases.

    python -m benchmarks.verifier_accuracy --data-dir DIR [--smoke] [--only accuracy|speed]

Right and wrong are counted on: verifier_examples (the whole verifier, by tag), math_verify_tests (expressions), real
GSM8K answers (against the file's `is_correct`), MATH-500 (references, and answers of other problems). Then verdicts per
second through the pool on answers like MATH-500's, and a batch of which 5 % hang. Accuracy needs no quiet machine.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import math_verify_side
from benchmarks.common import ROOT, Bench, machine, work_folder
from benchmarks.hanging_rule import MARK
from benchmarks.quiet import QUIET
from benchmarks.verifier_cases import EXPRESSION, HOSTILE, Case, all_cases, rollout_like
from verifiers.base import Sample, Status, Verdict
from verifiers.pool import VerifierPool

WORKERS = 2
HANG_S = 2.0
HANGING = "benchmarks.hanging_rule:math_or_hang"


def ours(options: Mapping[str, Any]) -> dict[str, Any]:
    """This package on every case: whole responses through the pool, expressions by `equivalent` in it."""
    cases = _cases(options)
    with VerifierPool(workers=WORKERS, timeout_s=10, python_path=[str(ROOT)]) as pool:
        pool.prepare("math", {})
        pool.prepare("benchmarks.expression_rule:expression", {})
        futures = [pool.submit(_verifier(case), {}, Sample("", case.text, case.gold)) for case in cases]
        verdicts = [future.result() for future in futures]
    return {
        "right": [verdict.status is Status.CORRECT for verdict in verdicts],
        "failed": [f"{cases[i].name}: {v.status} {v.reason}" for i, v in enumerate(verdicts) if _failed(v)],
        "seconds": [verdict.seconds for verdict in verdicts],
    }


def _verifier(case: Case) -> str:
    return "benchmarks.expression_rule:expression" if case.how == EXPRESSION else "math"


def _failed(verdict: Verdict) -> bool:
    return verdict.status in (Status.ERROR, Status.TIMEOUT)


def math_verify(options: Mapping[str, Any]) -> dict[str, Any]:
    verdicts, seconds = math_verify_side.judge(_cases(options))
    return {"right": verdicts, "failed": [], "seconds": seconds}


def our_speed(options: Mapping[str, Any]) -> dict[str, Any]:
    cases = rollout_like(Path(options["data_dir"]), options["verdicts"])
    samples = [Sample("", case.text, case.gold) for case in cases]
    with VerifierPool(workers=WORKERS, timeout_s=10) as pool:
        pool.prepare("math", {})
        pool.verify("math", {}, samples[:WORKERS])
        started = time.monotonic()
        verdicts = pool.verify("math", {}, samples)
        seconds = time.monotonic() - started
        stats = pool.stats()
    right = sum((v.status is Status.CORRECT) == case.expect for v, case in zip(verdicts, cases, strict=True))
    return {"per_s": len(cases) / seconds, "p50_s": stats.p50_s, "p99_s": stats.p99_s, "right": right / len(cases)}


def math_verify_speed(options: Mapping[str, Any]) -> dict[str, Any]:
    """As many processes as the pool has workers, side by side."""
    cases = rollout_like(Path(options["data_dir"]), options["verdicts"] // 10)
    shares = [cases[i::WORKERS] for i in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as threads:
        done = list(threads.map(math_verify_side.judge, shares))
    busy = [sum(seconds) for _, seconds in done]
    ordered = sorted(second for _, seconds in done for second in seconds)
    right = sum(v == c.expect for (vs, _), cs in zip(done, shares, strict=True) for v, c in zip(vs, cs, strict=True))
    return {
        "per_s": sum(len(share) / seconds for share, seconds in zip(shares, busy, strict=True)),
        "p50_s": ordered[len(ordered) // 2],
        "p99_s": ordered[len(ordered) * 99 // 100],
        "right": right / len(cases),
    }


def hanging(options: Mapping[str, Any]) -> dict[str, Any]:
    """A batch in which one in twenty never ends, and the same batch without them.

    ideal_s: what the hangs cost, shared by the workers, and the rest's own time.
    """
    cases = rollout_like(Path(options["data_dir"]), options["batch"])
    samples = [Sample("", case.text, case.gold) for case in cases]
    hangs = [Sample("", MARK, s.reference) if i % 20 == 7 else s for i, s in enumerate(samples)]
    seconds = []
    for batch in ([s for s in hangs if s.response != MARK], hangs):
        with VerifierPool(workers=WORKERS, timeout_s=HANG_S, python_path=[str(ROOT)]) as pool:
            pool.prepare(HANGING, {})
            started = time.monotonic()
            verdicts = pool.verify(HANGING, {}, batch)
            seconds.append(time.monotonic() - started)
    count = sum(sample.response == MARK for sample in hangs)
    assert sum(verdict.status is Status.TIMEOUT for verdict in verdicts) == count
    return {"hangs": count, "seconds": seconds[1], "ideal_s": count * HANG_S / WORKERS + seconds[0]}


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "ours": ours,
    "math_verify": math_verify,
    "our_speed": our_speed,
    "math_verify_speed": math_verify_speed,
    "hanging": hanging,
}


def _cases(options: Mapping[str, Any]) -> list[Case]:
    return all_cases(Path(options["data_dir"]))[:: options["every"]]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder of benchmark files")
    parser.add_argument("--only", choices=("accuracy", "speed"))
    parser.add_argument("--smoke", action="store_true", help="see that it works: every 40th case, short batches")
    args = parser.parse_args(argv)
    options = {
        "data_dir": str(args.data_dir.resolve()),
        "every": 40 if args.smoke else 1,
        "verdicts": 400 if args.smoke else 6000,
        "batch": 60 if args.smoke else 1000,
    }
    figures: dict[str, Any] = {}
    with work_folder() as work:
        bench = Bench("verifier_accuracy", "benchmarks.verifier_accuracy", work)
        if args.only != "speed":
            figures["accuracy"] = _accuracy(bench, options)
        if args.only != "accuracy":
            figures["speed"] = _speed(bench, options)
    _emit(bench, figures)


def _accuracy(bench: Bench, options: Mapping[str, Any]) -> dict[str, Any]:
    cases = _cases(options)
    first, second = bench.run("ours", options), bench.run("math_verify", options)
    groups: dict[str, list[int]] = {}
    for index, case in enumerate(cases):
        groups.setdefault(case.group, []).append(index)
    rows = []
    for group, members in groups.items():
        rows.append([group, len(members), *(_counts(cases, side["right"], members) for side in (first, second))])
    tagged = [i for i, case in enumerate(cases) if case.group.startswith("examples")]
    rows.append(["examples, all", len(tagged), *(_counts(cases, s["right"], tagged) for s in (first, second))])
    hostile = [i for i in tagged if cases[i].group.removeprefix("examples: ") in HOSTILE]
    rows.append(["examples, hostile", len(hostile), *(_counts(cases, s["right"], hostile) for s in (first, second))])
    print(_markdown(("cases", "of", "`math`", "Math-Verify"), rows))
    slowest = [max(side["seconds"]) for side in (first, second)]
    print(f"\nSlowest case of `math`: {slowest[0]:.2f} s; of Math-Verify: {slowest[1]:.2f} s\n")
    wrong = [i for i, case in enumerate(cases) if first["right"][i] != case.expect]
    for i in wrong:
        print(f"- {cases[i].group}, {cases[i].name}: gold `{_end(cases[i].gold)}`, answer `{_end(cases[i].text)}`")
    for line in first["failed"]:
        print(f"- error or timeout: {line}")
    return {"rows": rows, "wrong": [f"{cases[i].group}, {cases[i].name}" for i in wrong]}


def _end(text: str) -> str:
    return " ".join(text.split())[-80:]


def _counts(cases: Sequence[Case], right: Sequence[bool | None], members: Sequence[int]) -> str:
    """`right (false positives / false negatives)`."""
    agree = sum(bool(right[i]) == cases[i].expect for i in members)
    positives = sum(bool(right[i]) and not cases[i].expect for i in members)
    return f"{agree} ({positives} / {len(members) - agree - positives})"


def _speed(bench: Bench, options: Mapping[str, Any]) -> dict[str, Any]:
    a, b, hangs = (bench.run(side, options) for side in ("our_speed", "math_verify_speed", "hanging"))
    rows = [
        ["verdicts/s, two processes", f"{a['per_s']:,.0f}", f"{b['per_s']:,.0f}"],
        ["median, ms", f"{a['p50_s'] * 1e3:.2f}", f"{b['p50_s'] * 1e3:.1f}"],
        ["99th percentile, ms", f"{a['p99_s'] * 1e3:.1f}", f"{b['p99_s'] * 1e3:.1f}"],
        ["of these right", f"{a['right']:.1%}", f"{b['right']:.1%}"],
    ]
    print("\n" + _markdown(("answers like MATH-500's", "`math`", "Math-Verify"), rows))
    ratio = hangs["seconds"] / hangs["ideal_s"]
    print(
        f"\nA batch of {options['batch']:,} in which {hangs['hangs']} hang, {HANG_S:g} s each: "
        f"{hangs['seconds']:.1f} s, ideal {hangs['ideal_s']:.1f} s, {ratio:.2f} times it\n"
    )
    return {"ours": a, "math_verify": b, "hanging": {**hangs, "ratio": ratio}}


def _emit(bench: Bench, figures: Mapping[str, Any]) -> None:
    loudest = max(bench.disturbed, default=0.0)
    if "speed" in figures and loudest > QUIET:
        print(f"NOT A MEASUREMENT of speed: other work took up to {loudest:.0%} of the machine; repeat it in quiet")
    found = machine()
    print(f"Machine: {found['cores']} cores of {found['cpu']}, {found['memory_gib']} GiB, Python {found['python']}")
    line = {"benchmark": bench.name, "machine": found, "quiet": loudest <= QUIET, **figures}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


if __name__ == "__main__":
    main()
