"""Pictures of time and memory against length, from the JSON of attention_kernels and of long_context.

A FILE is what these programs wrote with --json, or their output: the last line counts. Every picture is an SVG file of
its own in --out; which, is printed.

    python -m benchmarks.attention_pictures FILE.json [FILE.json …] --out FOLDER
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import BenchmarkError
from benchmarks.kernel_times import SDPA
from benchmarks.log_chart import COLOURS, DASHES, Line, LogChart
from rlhf.recipe.attention_schema import SOFTMAX

MOST_BYTES = 60_000
FEWER_KEYS = ("softmax", "sliding_window", "block_local", "strided", "block_sparse")
Picture = tuple[str, LogChart]
"""Name of the file without its ending, and what it shows."""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    for file in args.files:
        for name, chart in pictures(read(file), str(file)):
            drawn = chart.drawn()
            if len(drawn.encode()) > MOST_BYTES:
                raise BenchmarkError(f"{name}: {len(drawn.encode()):,} bytes; at most {MOST_BYTES:,}")
            path = args.out / f"{name}.svg"
            path.write_text(drawn)
            print(f"{path}: {chart.title}")


def read(file: Path) -> Mapping[str, Any]:
    """The JSON object in a file's last line; BenchmarkError where there is none."""
    lines = [line for line in file.read_text().splitlines() if line.strip()]
    try:
        found = json.loads(lines[-1]) if lines else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BenchmarkError(f"{file}: its last line is no JSON object; give what a benchmark wrote with --json")
    return found


def pictures(found: Mapping[str, Any], where: str) -> list[Picture]:
    kinds: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Picture]]] = {
        "attention_kernels": _of_kernels,
        "long_context": _of_long_context,
    }
    draw = kinds.get(str(found.get("benchmark")))
    if draw is None:
        known = " and ".join(kinds)
        raise BenchmarkError(f"{where}: benchmark {found.get('benchmark')!r} has no pictures; {known} have")
    return list(draw(found))


def _of_kernels(found: Mapping[str, Any]) -> Iterator[Picture]:
    """Two pictures a dtype and direction: kernels that take softmax over fewer keys, and the others."""
    names = list(dict.fromkeys(row["name"] for row in found["results"]))
    twin_of = {twin: kernel for kernel, twins in found["twins"].items() for twin in twins}
    groups = {
        "kernels": [name for name in names if name not in FEWER_KEYS],
        "fewer keys": [name for name in names if name in FEWER_KEYS or name == SDPA],
    }
    for dtype, direction in dict.fromkeys((row["dtype"], row["direction"]) for row in found["results"]):
        rows = [row for row in found["results"] if (row["dtype"], row["direction"]) == (dtype, direction)]
        title = f"{capital(direction)}, {dtype}, one CPU thread, 4 heads x 64"
        for group, members in groups.items():
            if any(name != SDPA for name in members):
                chart = LogChart(title, "milliseconds, median", _kernel_lines(rows, members, twin_of))
                yield slug(f"{group} {direction} {dtype}"), chart


def _kernel_lines(rows: Sequence[Mapping[str, Any]], names: Sequence[str], twin_of: Mapping[str, str]) -> list[Line]:
    """The functions of the program beside are dotted, in their kernel's colour."""
    kernels = [name for name in names if name != SDPA and name not in twin_of]
    lines = []
    for name in names:
        points = sorted((float(row["length"]), float(row["ms"])) for row in rows if row["name"] == name)
        kernel = twin_of.get(name, name)
        colour = kernels.index(kernel) if kernel in kernels else None
        dash = 2 if name in twin_of else (colour or 0) // COLOURS % 2
        lines.append(Line(name, points, colour, dash))
    return lines


def _of_long_context(found: Mapping[str, Any]) -> Iterator[Picture]:
    """A picture a quantity: a colour a policy, a dash a variant."""
    for what, rows in found["curves"].items():
        policies = [p for p in dict.fromkeys(policy_of(name) for name in rows) if p != SOFTMAX]
        variants = list(dict.fromkeys(name.removeprefix(policy_of(name)) for name in rows))
        lines = []
        for name, points in rows.items():
            policy = policy_of(name)
            dash = variants.index(name.removeprefix(policy)) % DASHES
            colour = None if policy == SOFTMAX else policies.index(policy)
            positive = [(float(n), float(value)) for n, value in points if value > 0]
            lines.append(Line(name, positive, colour, dash))
        if any(line.points for line in lines):
            quantity = found["quantities"][what]
            yield slug(what), LogChart(capital(quantity["title"]), quantity["unit"], lines)


def policy_of(row: str) -> str:
    """`linear hybrid, 8 at a time` -> `linear hybrid`."""
    return row.partition(", ")[0]


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


if __name__ == "__main__":
    main()
