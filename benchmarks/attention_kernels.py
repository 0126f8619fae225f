"""Every attention kernel against PyTorch's softmax attention (SDPA), and against another program's chunked functions.

Forward and backward of each kernel's chunk form: batch 1, 4 heads x 64, one thread, the process's own CPU time, each
length's functions in turn in one process; medians. With --beside PROGRAM the functions linear_chunk (chunks of 64 and
128) and lightning_chunk (of 64) of that file stand in the same turns; first it is checked that they compute what
`linear` and `lightning` compute. A function whose runs at one length have taken --budget seconds is run no more (SDPA
takes some seconds at 16k tokens); the JSON line says how often each was run.

With --json FILE every length is kept there as it is done: called again with the same options, the program goes on.

    python -m benchmarks.attention_kernels [--beside PROGRAM.py] [--kernels linear,lightning] [--forward] [--smoke]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, BenchmarkError, end_on_sigterm, median, say, table
from benchmarks.kernel_times import Cell, Times, summary, times_beside, times_sdpa

LENGTHS, SMOKE_LENGTHS = "1024,2048,4096,8192,16384", "128,256,512"
SLOWEST = 1.0  # times the program beside: no slower at any length
STEEPEST = 6.0  # longest length against a quarter of it


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beside", type=Path, help="a program with linear_chunk(q, k, v, C) and lightning_chunk")
    parser.add_argument("--kernels", help="names, separated by commas; default all in the catalog")
    parser.add_argument("--lengths", help=f"in tokens; default {LENGTHS}")
    parser.add_argument("--dtypes", default="float32,bfloat16")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of one function at one length")
    parser.add_argument("--forward", action="store_true", help="time the forward alone, too")
    parser.add_argument("--json", type=Path, help="where every length is kept, and at the end the whole JSON object")
    parser.add_argument("--smoke", action="store_true", help="see that it works: 128 to 512 tokens, once")
    args = parser.parse_args(argv)
    end_on_sigterm()
    if args.smoke:
        args.repeats = 1
    lengths = tuple(map(int, (args.lengths or (SMOKE_LENGTHS if args.smoke else LENGTHS)).split(",")))
    kernels = tuple(args.kernels.split(",")) if args.kernels else None
    times = _measured(args, lengths, kernels)
    for title, header, rows in _tables(times):
        print(f"\n{table(title, header, rows)}")
    rows = [(row.name, row.least_beside, row.steepness, row.met(SLOWEST, STEEPEST)) for row in summary(times)]
    bench = Bench("attention_kernels", "benchmarks.attention_kernels", Path())
    bench.disturbed = [cell.other_work for cell in times.cells]
    line = bench.emit(
        f"attention_kernels: targets, at least {SLOWEST} times the program beside, growth at most {STEEPEST}",
        ("", "least times the program beside", f"{times.growth} growth", "met"),
        rows,
        **times.as_json(),
        met={row.name: row.met(SLOWEST, STEEPEST) for row in summary(times)},
    )
    del line


def _measured(args: argparse.Namespace, lengths: tuple[int, ...], kernels: tuple[str, ...] | None) -> Times:
    """Every length of every dtype, as far as FILE does not hold it already."""
    from benchmarks.kernel_runs import check_beside, measure_cell, prepare

    prepare()
    agreement = check_beside(args.beside)
    options = {
        "kernels": args.kernels,
        "beside": None if args.beside is None else args.beside.name,
        "repeats": args.repeats,
        "budget_s": args.budget,
        "forward": args.forward,
    }
    times = Times(options, agreement, kept(args.json, options))
    for dtype in args.dtypes.split(","):
        for length in lengths:
            if any((cell.dtype, cell.length) == (dtype, length) for cell in times.cells):
                continue
            started = time.monotonic()
            cell = measure_cell(args, kernels, dtype, length)
            times.cells.append(cell)
            say(f"attention_kernels: {dtype}, {length} tokens: {time.monotonic() - started:.0f} s")
            if args.json is not None:
                _write(args.json, times)
    times.keep(args.dtypes.split(","), lengths)
    return times


def kept(file: Path | None, options: Mapping[str, Any]) -> list[Cell]:
    """What an earlier run with the same options left there; BenchmarkError where the options were others."""
    if file is None or not file.exists():
        return []
    held = json.loads(file.read_text())
    if held.get("options") != dict(options):
        raise BenchmarkError(f"--json {file}: it holds a run with other options; name another file, or remove it")
    return [Cell.of(cell) for cell in held["cells"]]


def _write(file: Path, times: Times) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".part")
    beside.write_text(json.dumps({"benchmark": "attention_kernels", **times.as_json()}))
    beside.replace(file)


def _tables(times: Times) -> list[tuple[str, Sequence[str], list[list[object]]]]:
    found = []
    for dtype in times.dtypes:
        for direction in times.directions:
            name = f"{dtype}, {direction}"
            lengths = times.lengths(dtype)
            header = ("", *(f"{n:,}" for n in lengths), times.growth)
            found.append((f"{name}: milliseconds, median", header, times.rows(dtype, direction)))
            found.append((f"{name}: times the speed of SDPA", header[:-1], times_sdpa(times, dtype, direction)))
            if beside := times_beside(times, dtype, direction):
                title = f"{name}: times the speed of {times.options['beside']} (its better chunks)"
                found.append((title, header[:-1], beside))
    return found


if __name__ == "__main__":
    main()
