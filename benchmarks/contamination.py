"""How fast `rlhf contamination` reads a million training prompts, in how much memory, and whether it finds all.

    python -m benchmarks.contamination --data-dir DIR [--smoke] [--rows N]

The prompts are made of pieces of five words of real questions (GSM8K, MATH-500), so that every word is one of theirs.
Among them 200 questions are planted in disguise (other case, punctuation, spacing, LaTeX; inside a longer text), and
200 near misses: questions of which every seventh word is another, so that no 13 words in a row are left. Counted are
planted questions found whole, and any other prompt that matched. Being right needs no quiet machine; the seconds do.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.common import Bench, work_folder
from rlhf.evaluation.contamination_report import run_contamination
from rlhf.evaluation.contamination_words import words_of
from rlhf.evaluation.problem import Problem

FILES = {"gsm8k": ("gsm8k_test.jsonl", "question"), "math500": ("math500_test.jsonl", "problem")}
PLANTED = 200
N = 13
PIECE, PIECES = 5, 9  # words of a piece, pieces of a prompt: as long as a question of GSM8K
_MIB = 2**20

DISGUISES: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    str.upper,
    lambda text: text.replace(",", "").replace("?", "").replace(". ", " ").replace("'", "’"),
    lambda text: "\n\n  " + text.replace(" ", "\u00a0\n"),
    lambda text: text.replace("\\frac{", "\\dfrac {").replace("$", "$ ").replace("\\left(", "("),
    lambda text: f"You are a careful tutor.\n\n**Question.** {text}\n\nThink step by step, then write Answer: N.",
)


def write(options: Mapping[str, Any]) -> dict[str, Any]:
    """The training file. planted: [benchmark, problem, line] of each copy; near: how many near misses."""
    random_ = random.Random(0)
    problems = load(Path(options["data_dir"]))
    long = {name: [p for p in own if len(words_of(p.question)) >= N] for name, own in problems.items()}
    pieces = [pieces_of(own) for own in long.values()]
    copies = [(name, p) for name, own in problems.items() for p in random_.sample(judgeable(own), PLANTED // 2)]
    misses = [near_miss(p.question) for own in problems.values() for p in random_.sample(judgeable(own), PLANTED // 2)]
    special: dict[int, tuple[str, tuple[str, Problem] | None]] = {}
    lines = iter(random_.sample(range(1, options["rows"] + 1), len(copies) + len(misses)))
    for number, copy in enumerate(copies):
        special[next(lines)] = (DISGUISES[number % len(DISGUISES)](copy[1].question), copy)
    for text in misses:
        special[next(lines)] = (text, None)
    with Path(options["train"]).open("w") as file:
        for line in range(1, options["rows"] + 1):
            own = pieces[random_.random() < 0.2]  # one in five of mathematics
            text = special[line][0] if line in special else " ".join(random_.choices(own, k=PIECES))
            file.write(json.dumps({"prompt": text}) + "\n")
    planted = [[copy[0], copy[1].id, line] for line, (_, copy) in special.items() if copy is not None]
    return {"planted": planted, "near": len(misses), "mib": Path(options["train"]).stat().st_size / _MIB}


def search(options: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds, memory above that of the process before, and of every match its benchmark, problem and line."""
    problems = load(Path(options["data_dir"]))
    out, before = Path(options["train"]).with_suffix(".matches"), memory_mib("VmRSS")
    started = time.monotonic()
    result = run_contamination(options["train"], problems, N, "prompt", out, 0, Console(file=io.StringIO()))
    seconds = time.monotonic() - started
    records = [json.loads(line) for line in out.read_text().splitlines()]
    whole = [
        [record["benchmark"], record["problem"], int(record["row"].rpartition(":")[2])]
        for record in records
        if record["kind"] == "match" and record["row_coverage"] == 1
    ]
    return {
        "seconds": seconds,
        "memory_mib": memory_mib("VmHWM") - before,
        "rows": result.scan.rows,
        "matched_rows": result.scan.matched_rows,
        "whole": whole,
    }


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"write": write, "search": search}


def memory_mib(key: str) -> float:
    """VmRSS, what this process holds, or VmHWM, the most it ever held. (`ru_maxrss` would count its parent's too.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key + ":"))


def load(folder: Path) -> dict[str, list[Problem]]:
    return {name: list(_problems(folder / file, field)) for name, (file, field) in FILES.items()}


def _problems(path: Path, field: str) -> Iterator[Problem]:
    for number, line in enumerate(path.read_text().splitlines()):
        yield Problem(str(number), json.loads(line)[field], None)


def judgeable(problems: Sequence[Problem]) -> list[Problem]:
    return [p for p in problems if len(words_of(p.question)) >= 6]


def pieces_of(problems: Sequence[Problem]) -> list[str]:
    """Pieces of PIECE words as written; those with more words by our count (formulas) left out: two make no n-gram."""
    written = [problem.question.split() for problem in problems]
    cut = [" ".join(text[i : i + PIECE]) for text in written for i in range(0, len(text), PIECE)]
    return [piece for piece in cut if len(words_of(piece)) < N // 2]


def near_miss(text: str) -> str:
    """The text's words, every seventh and the last of them another one."""
    words = words_of(text)
    return " ".join("otherwise" if i % 7 == 6 or i == len(words) - 1 else word for i, word in enumerate(words))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder of benchmark files")
    parser.add_argument("--rows", type=int, default=1_000_000, help="training prompts")
    parser.add_argument("--smoke", action="store_true", help="see that it works: 20,000 prompts")
    args = parser.parse_args(argv)
    with work_folder() as work:
        bench = Bench("contamination", "benchmarks.contamination", work)
        rows = 20_000 if args.smoke else args.rows
        options = {"data_dir": str(args.data_dir.resolve()), "rows": rows, "train": str(work / "train.jsonl")}
        made, found = bench.run("write", options), bench.run("search", options)
        bench.disturbed = bench.disturbed[1:]  # nothing of the writing is timed
    planted = {tuple(copy) for copy in made["planted"]}
    seen = len(planted & {tuple(match) for match in found["whole"]})
    false = found["matched_rows"] - len({line for *_, line in planted & {tuple(m) for m in found["whole"]}})
    figures = [
        ("training prompts", f"{found['rows']:,}"),
        ("file, MiB", f"{made['mib']:,.0f}"),
        ("minutes", f"{found['seconds'] / 60:.2f}"),
        ("prompts a second", f"{found['rows'] / found['seconds']:,.0f}"),
        ("memory above the start, MiB", f"{found['memory_mib']:.1f}"),
        ("planted questions found whole", f"{seen} of {len(planted)}"),
        (f"other prompts that matched ({made['near']} near misses)", str(false)),
    ]
    numbers = {"prompts": found["rows"], "seconds": found["seconds"], "memory_mib": found["memory_mib"]}
    bench.emit("contamination", ("", "found"), figures, **numbers, planted=len(planted), found=seen, false=false)


if __name__ == "__main__":
    main()
