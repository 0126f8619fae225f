"""The picture of a distillation: nats a token on held-out text over the steps, and what the steps minimised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlhf.metrics.jsonl import read_metrics
from rlhf.stages.distill.results import SETS, Results

CURVE = "curve.svg"
_COLOURS = ("#1f6feb", "#bc4c00")


def draw_curve(folder: Path, results: Results) -> Path:
    """curve.svg in the run folder, from its metrics and results."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(8, 7), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    for (name, teacher), colour in zip(results.teacher.items(), _COLOURS, strict=False):
        steps, nats = zip(*((point.step, point.nats[name]) for point in results.history), strict=True)
        above.plot(steps, nats, marker="o", markersize=3, color=colour, label=f"student, {SETS[name]}")
        above.axhline(teacher, linestyle="--", color=colour, label=f"teacher ({teacher:.3f})")
        share = results.regained(name, nats[-1])
        above.annotate(f"{nats[-1]:.3f}, {share:.0%} regained", (steps[-1], nats[-1]), (-4, 8),
                       textcoords="offset points", ha="right", color=colour)  # fmt: skip
    above.set_ylabel("nats a token, held out")
    above.legend()
    _losses(below, read_metrics(folder / "metrics.jsonl"))
    below.set_xlabel("steps")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        if (ended := results.stages.get("attention")) is not None and "logits" in results.stages:
            axes.axvline(ended, color="grey", linewidth=0.8)
    figure.savefig(folder / CURVE)
    pyplot.close(figure)
    return folder / CURVE


def _losses(axes: Any, rows: list[dict[str, Any]]) -> None:
    """Each stage's own, on one logarithmic axis."""
    for key, label in (("distill/error", "error of attention outputs"), ("distill/kl", "KL of logits, nats a token")):
        found = [(row["step"], row[key]) for row in rows if row.get(key)]
        if found:
            axes.plot(*zip(*found, strict=True), label=label)
    axes.set_yscale("log")
    axes.legend()
