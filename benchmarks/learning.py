"""Does every algorithm learn? From one warmed-up policy a seed, each for the demo's 40 steps: held-out accuracy.

Each run is `rlhf train recipes/<algorithm>.yaml`. The warm-up is that of recipes/grpo.yaml, done once a seed; its
checkpoint is where all the others start. What is finished is not run again: stop it, and start it again with the same
--out. Prints a table and a JSON line, and draws learning.svg: the mean over the seeds with their range.

    python -m benchmarks.learning --out FOLDER [--algorithms grpo,dapo] [--seeds 0,1,2] [--steps 40] [--smoke]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, BenchmarkError, machine, say
from rlhf.checkpoint import export_checkpoint
from rlhf.evaluation.report.summary import read_summary

ALGORITHMS = ("grpo", "dapo", "gspo", "ppo", "vapo", "kimi_k1_5")
TARGET = 0.2
EVAL_EVERY = 10
_LOG_TAIL = 20


@dataclass(frozen=True, slots=True)
class Curve:
    """Held-out accuracy by step, and the seconds that the run took, loading and evaluation included."""

    algorithm: str
    seed: int
    points: tuple[tuple[int, float], ...]
    seconds: float

    @property
    def gain(self) -> float:
        return self.points[-1][1] - self.points[0][1]


class Learning:
    """Runs what is not finished yet. smoke: two steps after a short warm-up."""

    def __init__(self, out: Path, steps: int, smoke: bool = False) -> None:
        self._out, self._steps = out, 2 if smoke else steps
        self._warmup = ["warmup.steps=20", "warmup.size=1000"] if smoke else []
        self._extra = ["data.heldout.size=32"] if smoke else []
        (out / "runs").mkdir(parents=True, exist_ok=True)

    def curve(self, algorithm: str, seed: int) -> Curve:
        start = self._warmup if algorithm == "grpo" else [f"policy.model={self._warmed_up(seed)}", "warmup=null"]
        return _curve_of(algorithm, seed, self._run(algorithm, seed, start))

    def _warmed_up(self, seed: int) -> Path:
        """The policy after the warm-up of this seed: step 0 of the run of grpo."""
        folder = self._out / f"warmed-up-{seed}"
        if not folder.exists():
            export_checkpoint(self._run("grpo", seed, self._warmup), 0, folder)
        return folder

    def _run(self, algorithm: str, seed: int, start: Sequence[str]) -> Path:
        """The folder of a finished run."""
        folder = self._out / "runs" / f"{algorithm}-seed{seed}"
        if (done := read_summary(folder)) is not None and done.status == "finished":
            return folder
        say(f"learning: {algorithm}, seed {seed}")
        overrides = [
            f"run.name={folder.name}",
            f"run.root={folder.parent}",
            f"run.seed={seed}",
            f"trainer.steps={self._steps}",
            f"trainer.eval_every={EVAL_EVERY}",
            "trainer.keep_checkpoints=2",  # the first, of the warmed-up policy, and the last
            "cluster.address=local",
            *start,
            *self._extra,
        ]
        recipe = ROOT / "recipes" / f"{algorithm}.yaml"
        resume = (
            ["--resume"] if (folder / "checkpoints").is_dir() and any((folder / "checkpoints").glob("step_*")) else []
        )
        command = [sys.executable, "-m", "rlhf", "train", str(recipe), *overrides, *resume]
        log = self._out / f"{folder.name}.log"
        with log.open("ab") as output:
            code = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
        if code != 0:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
            raise BenchmarkError(f"learning: {algorithm}, seed {seed} ended with {code}:\n{tail}")
        return folder


def _curve_of(algorithm: str, seed: int, run: Path) -> Curve:
    summary = read_summary(run)
    held = summary.heldout if summary is not None else None
    if summary is None or held is None:
        raise BenchmarkError(f"{run} was never evaluated")
    return Curve(algorithm, seed, tuple((p.step, p.value) for p in held.history), summary.seconds)


def table(curves: Sequence[Curve]) -> str:
    """Markdown: before and after for every seed, the gains."""
    seeds = sorted({curve.seed for curve in curves})
    rows = [["algorithm", *(f"seed {seed}" for seed in seeds), "mean gain", "least gain"]]
    rows.append(["---"] * len(rows[0]))
    for algorithm in dict.fromkeys(curve.algorithm for curve in curves):
        of_it = {curve.seed: curve for curve in curves if curve.algorithm == algorithm}
        gains = [curve.gain for curve in of_it.values()]
        cells = [f"{c.points[0][1]:.3f} → {c.points[-1][1]:.3f}" if (c := of_it.get(seed)) else "–" for seed in seeds]
        rows.append([f"`{algorithm}`", *cells, f"{sum(gains) / len(gains):+.3f}", f"{min(gains):+.3f}"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def draw(curves: Sequence[Curve], path: Path) -> None:
    """One picture: a line an algorithm, the mean over its seeds, in a band from the lowest to the highest."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams["svg.hashsalt"] = "longthought"  # the same picture for the same numbers
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for algorithm in dict.fromkeys(curve.algorithm for curve in curves):
        of_it = [curve for curve in curves if curve.algorithm == algorithm]
        steps = [step for step, _ in of_it[0].points]
        columns = list(zip(*([value for _, value in curve.points] for curve in of_it), strict=True))
        (line,) = axes.plot(steps, [sum(c) / len(c) for c in columns], marker="o", markersize=3, label=algorithm)
        axes.fill_between(
            steps, [min(c) for c in columns], [max(c) for c in columns], alpha=0.12, color=line.get_color()
        )
    axes.set(xlabel="step", ylabel="held-out accuracy", ylim=(0.0, 1.0))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, ncols=3, loc="upper left")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def as_json(curves: Sequence[Curve]) -> Mapping[str, Any]:
    return {
        "benchmark": "learning",
        "machine": machine(),
        "target": TARGET,
        "curves": [
            {"algorithm": c.algorithm, "seed": c.seed, "points": c.points, "gain": c.gain, "seconds": c.seconds}
            for c in curves
        ],
        "met": {a: all(c.gain >= TARGET for c in curves if c.algorithm == a) for a in {c.algorithm for c in curves}},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, required=True, help="where runs, table and picture go; continued where it exists"
    )
    parser.add_argument("--algorithms", default=",".join(ALGORITHMS), help="names of recipes, separated by commas")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--smoke", action="store_true", help="two steps, a short warm-up: shows that it works")
    options = parser.parse_args()
    learning = Learning(options.out.absolute(), options.steps, options.smoke)
    curves = [
        learning.curve(algorithm, int(seed))
        for seed in options.seeds.split(",")
        for algorithm in options.algorithms.split(",")
    ]
    draw(curves, options.out / "learning.svg")
    (options.out / "learning.md").write_text(table(curves) + "\n")
    print(table(curves))
    print(json.dumps(as_json(curves)))


if __name__ == "__main__":
    main()
