"""Builds `report.html` from a run folder: one self-contained page, whatever state the run is in.

Model text is hostile. The page holds it only as JSON in a data block with `<`, `>`, `&` escaped, and shows it
through `textContent`; everything else goes through Jinja's autoescape. A content security policy allows the
page's own script and style by their hashes and nothing else, no network included.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import statistics
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from rlhf.evaluation.intervals import Interval
from rlhf.evaluation.report import svg
from rlhf.evaluation.report.experts import expert_charts
from rlhf.evaluation.report.load import RunData, load_run
from rlhf.evaluation.report.panels import Chart, how_lines_are_drawn, line_charts, stacked_chart
from rlhf.evaluation.report.sample import sample_trajectories
from rlhf.evaluation.report.series import short
from rlhf.metrics import keys
from rlhf.metrics.live import duration

HERE = Path(__file__).parent
REPORT_FILE = "report.html"
FACTS = {
    "model": "policy.model",
    "algorithm": "algorithm.name",
    "samples per prompt": "algorithm.group_size",
    "prompts per step": "trainer.prompts_per_step",
    "mini-batches": "algorithm.mini_batches",
    "inner epochs": "algorithm.inner_epochs",
    "LoRA rank": "learner.lora.rank",
    "staleness bound": "trainer.max_staleness",
    "learning rate": "learner.learning_rate",
    "dtype": "policy.dtype",
    "engines": "rollout.engines",
    "learner ranks": "learner.ranks",
    "ZeRO stage": "learner.zero_stage",
    "seed": "run.seed",
}  # words on the page: place in the recipe


def build_report(run_dir: Path) -> Path:
    """Writes `run_dir/report.html` (atomically) and returns its path.

    Works on a run that has not ended and on one with missing or damaged files: the page says what is missing.
    Raises FileNotFoundError if there is no such folder.
    """
    run = load_run(run_dir)
    page = _environment().from_string(_asset("page.html.jinja")).render(_context(run, run_dir))
    path = run_dir / REPORT_FILE
    half = path.with_name(path.name + ".part")
    half.write_bytes(page.encode("utf-8", "replace"))  # a lone surrogate in a text becomes "?"
    half.replace(path)
    return path


def _context(run: RunData, run_dir: Path) -> dict[str, Any]:
    charts, absent = line_charts(run) if run.steps else ([], [])
    charts += [chart for chart in _bar_charts(run) if chart]
    charts += expert_charts(run)
    sample = sample_trajectories(run_dir / "trajectories")
    missing = list(run.missing) + sample.problems[:5]
    if len(sample.problems) > 5:
        missing.append(f"{len(sample.problems) - 5} more lines of trajectories/ could not be read.")
    style, script = _asset("page.css"), _asset("page.js")
    return {
        "run": run,
        "facts": _facts(run),
        "outcome": _outcome(run),
        "progress": _progress(run),
        "charts": charts,
        "missing": missing,
        "absent": absent,
        "drawn": how_lines_are_drawn(run) if run.steps else "",
        "sample": sample,
        "table": _metric_table(run),
        "chart_json": data_block([chart.data for chart in charts]),
        "trajectory_json": data_block(sample.groups),
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "style_hash": _hash(style),
        "script_hash": _hash(script),
    }


def data_block(value: Any) -> Markup:
    """JSON for the inside of a `<script type="application/json">`: it cannot end the element or open another."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))  # ASCII: U+2028 and the like are escaped
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - holds no character that HTML reads


def _bar_charts(run: RunData) -> list[Chart | None]:
    if not run.steps:
        return []
    stages = "Seconds of a step. Stages of an asynchronous run overlap: together they may exceed the step."
    drops = "Per step, by reason. Above: totals of the run."
    whole_step = frozenset({keys.STEP_SECONDS})
    return [
        stacked_chart(run, keys.TIME, "Time per stage", stages, leave_out=whole_step),
        stacked_chart(run, keys.DROPPED, "Dropped prompts", drops, counters=True),
        stacked_chart(run, keys.MIX, "Domains", "Probability of drawing a prompt from each."),
    ]


def _facts(run: RunData) -> list[tuple[str, str]]:
    facts = [(name, str(value)) for name, path in FACTS.items() if (value := run.recipe_value(path)) is not None]
    for name, value in run.run.items():
        if isinstance(value, Mapping):
            facts += [
                (str(part), str(inner))
                for part, inner in value.items()
                if inner is not None and not isinstance(inner, (Mapping, list))
            ]
        elif not isinstance(value, list):
            facts.append((str(name), str(value)))
    return facts


def _progress(run: RunData) -> str:
    """One sentence on how far the run came."""
    total = run.recipe_value("trainer.steps")
    done = run.summary.steps if run.summary else (run.steps[-1] if run.steps else 0)
    status = run.summary.status if run.summary else "not finished"
    of = f"{done} of {total} steps" if total is not None else f"{done} steps"
    parts = [f"{status}: {of}"]
    if run.summary:
        parts.append(f"in {duration(run.summary.seconds)}")
    speeds = [v for v in run.columns.get(keys.TOKENS_PER_S, []) if v is not None and math.isfinite(v)]
    if speeds:
        parts.append(f"at {short(statistics.median(speeds))} tokens/s (median step)")
    sentence = " ".join(parts)
    return sentence[:1].upper() + sentence[1:]


def _outcome(run: RunData) -> dict[str, Any]:
    held = run.summary.heldout if run.summary else None
    before, after = (held.before, held.after) if held else (None, None)
    rows = [(name, interval) for name, interval in (("before", before), ("after", after)) if interval]
    verdict = ""
    if before and after:
        apart = "do not overlap" if not before.overlaps(after) else "overlap"
        verdict = f"{after.value - before.value:+.3f} absolute; the 95% intervals {apart}."
    elif before:
        verdict = "Accuracy after training has not been measured (yet)."
    warmup = [
        (str(k).replace("_", " "), short(v) if type(v) in (int, float) else str(v))
        for k, v in ((run.summary and run.summary.warmup) or {}).items()
    ]
    return {"rows": rows, "verdict": verdict, "svg": Markup(_interval_svg(rows)) if rows else "", "warmup": warmup}  # noqa: S704 - numbers only


def _interval_svg(rows: list[tuple[str, Interval]]) -> str:
    """Both intervals on one line from 0 to 1."""
    x = svg.Scale(0, 1, svg.LEFT, svg.LEFT + svg.PLOT_W)
    bottom = svg.TOP + 26 * len(rows)
    parts = [
        f'<path class="grid" d="M{svg.px(x(t))} {svg.TOP}V{bottom}"/>' + svg.text(x(t), bottom + 16, short(t), "tick")
        for t in (0, 0.25, 0.5, 0.75, 1)
    ]
    for index, (name, interval) in enumerate(rows):
        y, css = svg.TOP + 13 + 26 * index, f"c{index + 1}"
        parts.append(svg.text(svg.LEFT - 8, y + 4, name, "tick", "end"))
        parts.append(f'<path class="span {css}" d="M{svg.px(x(interval.low))} {y}H{svg.px(x(interval.high))}"/>')
        parts.append(f'<circle class="dot {css}" cx="{svg.px(x(interval.value))}" cy="{y}" r="5"/>')
    return svg.frame("Held-out accuracy before and after", "".join(parts), bottom + 24)


def _metric_table(run: RunData) -> list[tuple[str, str, str, str, str]]:
    """Every metric but the experts': name, last, mean, least, greatest."""
    rows = []
    for key in sorted(run.columns):
        held = [v for v in run.columns[key] if v is not None]
        if key.startswith(keys.EXPERT_LOAD) or not held:
            continue
        fine = [v for v in held if math.isfinite(v)]
        middle = (short(math.fsum(fine) / len(fine)), short(min(fine)), short(max(fine))) if fine else ("", "", "")
        rows.append((key, short(held[-1]), *middle))
    return rows


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["drawing"] = Markup  # SVG made in this package, from numbers and escaped words
    return environment
