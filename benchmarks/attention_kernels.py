"""Every attention kernel against PyTorch's softmax attention (SDPA), and against another program's chunked functions.

Forward and backward of each kernel's chunk form: batch 1, 4 heads x 64, one thread, the process's own CPU time, each
length's functions in turn in one process; medians. With --beside PROGRAM the functions linear_chunk (chunks of 64 and
128) and lightning_chunk (of 64) of that file stand in the same turns; first it is checked that they compute what
`linear` and `lightning` compute. A function that has run for --budget seconds at one length is run no more there (SDPA
takes some seconds a call at 16k tokens); the JSON line says how often each was run.

With --json FILE every length is kept there as it is done: called again with the same options, the program goes on.

    python -m benchmarks.attention_kernels [--beside PROGRAM.py] [--kernels linear,lightning] [--forward] [--smoke]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, BenchmarkError, end_on_sigterm, say, table
from benchmarks.kept import write_line
from benchmarks.kernel_times import Cell, Times
from benchmarks.quiet import busy_share

LENGTHS, SMOKE_LENGTHS = "1024,2048,4096,8192,16384", "128,256,512"
SLOWEST = 1.0  # times the speed of the program beside, at any length
STEEPEST = 6.0  # cost at the longest length over that at a quarter of it


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
        args.repeats, args.lengths = 1, args.lengths or SMOKE_LENGTHS
    figures, times = _measured(args)
    _show(times)
    _emit(args, figures, times)


def _measured(args: argparse.Namespace) -> tuple[dict[str, Any], Times]:
    """(options and agreement, times): every length of every dtype, as far as the file does not hold it already."""
    import torch

    from benchmarks.attention_inputs import cases
    from benchmarks.beside import differences, load
    from benchmarks.kernel_runs import Plan

    torch.set_num_threads(1)
    chosen = cases(tuple(args.kernels.split(",")) if args.kernels else None)
    variants = load(args.beside) if args.beside else ()
    plan = Plan(chosen, variants, args.repeats, args.budget, args.forward)
    options = {
        "rows": [case.name for case in chosen],
        "beside": args.beside.name if args.beside else None,
        "repeats": args.repeats,
        "budget_s": args.budget,
        "forward": args.forward,
    }
    figures = {"options": options, "heads": 4, "head_size": 64, "threads": 1, "agree": differences(variants, chosen)}
    held = {(cell.dtype, cell.length): cell for cell in kept(args.json, options)}
    for dtype in args.dtypes.split(","):
        for length in map(int, (args.lengths or LENGTHS).split(",")):
            if (dtype, length) in held:
                continue
            before = busy_share(3.0)
            say(f"attention_kernels: {dtype}, {length} tokens, machine {before:.0%} busy before")
            cell = plan.cell(dtype, length)
            held[dtype, length] = replace(cell, other_work=max(round(before, 3), cell.other_work))
            times = plan.times(list(held.values()))
            write_line(args.json, bench_of(times), {**figures, **times.as_json()})
    wanted = [(d, int(n)) for d in args.dtypes.split(",") for n in (args.lengths or LENGTHS).split(",")]
    return figures, plan.times([held[key] for key in wanted])


def kept(file: Path | None, options: Mapping[str, Any]) -> list[Cell]:
    """What an earlier run with the same options left there; BenchmarkError where the options were others."""
    if file is None or not file.exists():
        return []
    held = json.loads(file.read_text())
    if held.get("options") != dict(options):
        raise BenchmarkError(f"--json {file}: it holds a run with other options; name another file, or remove it")
    return [Cell(**cell) for cell in held["cells"]]


def bench_of(times: Times) -> Bench:
    """All sides run in this process; what else the machine did meanwhile counts as for any benchmark."""
    bench = Bench("attention_kernels", "benchmarks.attention_kernels", Path())
    bench.disturbed = [cell.other_work for cell in times.cells]
    return bench


def _show(times: Times) -> None:
    for dtype in times.dtypes:
        lengths = [f"{n:,}" for n in times.lengths(dtype)]
        for direction in times.directions:
            name = f"{dtype}, {direction}"
            print(f"\n{table(f'{name}: milliseconds', ('', *lengths, 'growth'), times.milliseconds(dtype, direction))}")
            ratios = times.ratios(dtype, direction, times.against_sdpa())
            print(f"\n{table(f'{name}: times as fast as SDPA', ('', *lengths), ratios)}")
            if beside := times.ratios(dtype, direction, times.twins):
                print(f"\n{table(f'{name}: times as fast as the program beside', ('', *lengths), beside)}")


def _emit(args: argparse.Namespace, figures: Mapping[str, Any], times: Times) -> None:
    bench = bench_of(times)
    verdicts = times.verdicts()
    rows = [
        (v.name, _or_dash(v.least_beside), _or_dash(v.growth), "yes" if v.met(SLOWEST, STEEPEST) else "NO")
        for v in verdicts
    ]
    title = (
        f"kernels of linear cost, forward and backward, all lengths and dtypes: at least {SLOWEST:g} times as fast as "
        f"the program beside, and growth (the longest length over a quarter of it) at most {STEEPEST:g}"
    )
    met = {v.name: v.met(SLOWEST, STEEPEST) for v in verdicts}
    whole = {**figures, "met": met, **times.as_json()}
    write_line(args.json, bench, whole)
    bench.emit(title, ("", "least times beside", "growth", "met"), rows, **whole)


def _or_dash(value: float | None) -> object:
    return "–" if value is None else value


if __name__ == "__main__":
    main()
