"""How fast code runs in the sandbox: starts a second on all cores, and the time from a program to its result.

A start is everything that one answer costs: a fresh box (namespaces, file systems, process ids), the program written
into it, run and collected, and the box ended. Beside it, in turn: a plain interpreter started for the same program
without any walls, and bubblewrap started anew for it.

    .venv/bin/python -m benchmarks.sandbox
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, cores, median, work_folder
from verifiers.sandbox.box import Python
from verifiers.sandbox.launch import bwrap_arguments
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.machine import interpreter, show
from verifiers.sandbox.sandbox import Level, Sandbox, Settings

PROGRAM = "a, b = map(int, input().split())\nprint(a + b)\n"
STDIN, STDOUT = b"3 4\n", b"7\n"
PLAIN = ["-s", "-S", "-E"]

Run = Callable[[], bytes]


def boxes(options: Mapping[str, Any]) -> dict[str, Any]:
    def make(use: Callable[[Run], None]) -> None:
        with Sandbox(Settings(Level(options["level"]))) as sandbox:

            def run() -> bytes:
                with sandbox.box() as box:
                    box.put("main.py", PROGRAM)
                    return box.run(Python("main.py"), STDIN, Limits(wall_s=10.0)).stdout

            use(run)

    return _timed(make, options)


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """`python FILE`, without walls."""
    return _timed(lambda use: use(_starting(lambda file: [interpreter(), *PLAIN, file])), options)


def bubblewrap(options: Mapping[str, Any]) -> dict[str, Any]:
    """A bubblewrap and an interpreter of their own for every program, with the same arguments as the sandbox's."""
    shown = show()

    def command(file: str) -> list[str]:
        folders = (*shown.folders, (str(Path(file).parent), "/program"))
        walls = [a for a in bwrap_arguments(folders, shown.links) if a not in ("--cap-add", "CAP_SYS_ADMIN")]
        return ["bwrap", *walls, "--", shown.python, *PLAIN, f"/program/{Path(file).name}"]

    return _timed(lambda use: use(_starting(command)), options)


def _starting(command: Callable[[str], list[str]]) -> Run:
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "main.py"
    file.write_text(PROGRAM)

    def run() -> bytes:
        assert folder.name
        return subprocess.run(command(str(file)), input=STDIN, capture_output=True, env={}, check=True).stdout

    return run


def _timed(make: Callable[[Callable[[Run], None]], None], options: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds of every run, of one after the other and of one a core at a time; and runs a second of the latter."""
    alone, _ = _runs(make, 1, options["seconds"])
    together, wall_s = _runs(make, options["cores"], options["seconds"])
    return {"alone_s": alone, "together_s": together, "per_second": len(together) / wall_s}


def _runs(make: Callable[[Callable[[Run], None]], None], count: int, seconds: float) -> tuple[list[float], float]:
    times: list[float] = []
    ready, walls = threading.Barrier(count), list[float]()

    def use(run: Run) -> None:
        run()  # the first pays for what is loaded once
        ready.wait()
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            started = time.monotonic()
            if run() != STDOUT:
                raise RuntimeError("the program did not answer")
            times.append(time.monotonic() - started)
        walls.append(time.monotonic() - began)

    threads = [threading.Thread(target=make, args=(use,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(walls) < count:
        raise RuntimeError("a thread did not end well")
    return times, max(walls)


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "boxes": boxes,
    "plain": plain,
    "bubblewrap": bubblewrap,
}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--smoke", action="store_true", help="see that it works: one short round")
    args = parser.parse_args(argv)
    if args.smoke:
        args.rounds, args.seconds = 1, 0.5
    with work_folder() as work:
        bench = Bench("sandbox", "benchmarks.sandbox", work)
        found: dict[str, list[dict[str, Any]]] = {}
        for _ in range(args.rounds):
            for name, side, level in _WHAT:
                options = {"level": level, "cores": cores(), "seconds": args.seconds}
                found.setdefault(name, []).append(bench.run(side, options, sys.executable))
        _emit(bench, found)


_WHAT = (
    ("sandbox, level bwrap", "boxes", "bwrap"),
    ("sandbox, level landlock", "boxes", "landlock"),
    ("bubblewrap started for each", "bubblewrap", ""),
    ("plain python, no walls", "plain", ""),
)


def _emit(bench: Bench, found: Mapping[str, list[dict[str, Any]]]) -> None:
    figures = {}
    for name, rounds in found.items():
        alone = sorted(seconds for one in rounds for seconds in one["alone_s"])
        together = sorted(seconds for one in rounds for seconds in one["together_s"])
        figures[name] = {
            "per_second": median([one["per_second"] for one in rounds]),
            "alone_ms": 1000 * median(alone),
            "together_ms": 1000 * median(together),
            "together_p95_ms": 1000 * together[int(0.95 * len(together))],
        }
    rows = [[name, *(round(value, 1) for value in figure.values())] for name, figure in figures.items()]
    header = ("", "starts a second", "alone, median ms", f"on {cores()} cores, median ms", "p95 ms")
    bench.emit("a trivial Python program, from a fresh sandbox to its result", header, rows, results=figures)


if __name__ == "__main__":
    main()
