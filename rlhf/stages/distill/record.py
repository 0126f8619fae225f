"""What a distillation leaves behind while it runs: metrics, results, the curve; and the lines that it shows."""

from __future__ import annotations

import json
import statistics
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from rlhf.evaluation.report.summary import Summary, read_summary, write_summary
from rlhf.learner.spec import StepResult
from rlhf.metrics import keys
from rlhf.metrics.live import RECENT_STEPS, LiveView, duration
from rlhf.metrics.sinks import SinkGroup
from rlhf.recipe.distill_schema import DistillStagesConfig
from rlhf.stages.distill.results import SETS, Nats, Results
from rlhf.whole_file import write_whole

RESULTS = "distillation.json"
_TELL_EVERY_S = 5.0
_STAGE_NUMBERS = {"attention": 1, "logits": 2}


class DistillRecord:
    """started: `time.monotonic()` when the run began."""

    def __init__(
        self,
        folder: Path,
        sinks: SinkGroup,
        view: LiveView,
        stages: DistillStagesConfig,
        resumed: bool,
        started: float,
    ) -> None:
        self._folder, self._sinks, self._view, self._started = folder, sinks, view, started
        self._total = stages.steps
        self._last_step = {"attention": stages.attention.steps, "logits": stages.steps}
        earlier = read_summary(folder) if resumed else None
        self._seconds_before = earlier.seconds if earlier else 0.0
        self._unlogged: tuple[int, dict[str, float]] = (0, {})
        # Seconds of steps, by stage: one's tell nothing of the other's.
        self._recent: dict[str, deque[float]] = {stage: deque(maxlen=RECENT_STEPS) for stage in _STAGE_NUMBERS}
        self._told = 0.0

    def step(self, step: int, stage: str, result: StepResult, tokens: int, seconds: float) -> None:
        """A step has ended. tokens: of its batch."""
        self._log()
        self._recent[stage].append(seconds)
        loss = "error" if stage == "attention" else "kl"
        own = {name if "/" in name else f"distill/{name}": value for name, value in result.metrics.items()}
        metrics = own | {
            "distill/stage": float(_STAGE_NUMBERS[stage]),
            f"distill/{loss}": result.loss,
            "learner/lr": result.lr,
            "learner/grad_norm": result.grad_norm,
            "tokens": float(tokens),
            keys.TOKENS_PER_S: tokens / seconds,
            keys.STEP_SECONDS: seconds,
        }
        self._unlogged = (step, metrics)
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY_S or step == self._total:
            self._told = now
            self._view.note(self._line(step, stage, metrics, f"{loss} {result.loss:.4f}"))

    def heldout(self, step: int, results: Results) -> None:
        """The student was looked at after this step."""
        nats = results.after(step)
        assert nats is not None
        measured = {}
        for name, value in nats.items():
            measured[f"heldout/{name}_nats"] = value
            measured[f"heldout/{name}_nats_teacher"] = results.teacher[name]
            measured[f"heldout/{name}_regained"] = results.regained(name, value)
        if self._unlogged[0] != step:
            self._log()
            self._unlogged = (step, {})
        self._unlogged[1].update(measured)
        self._log()
        self._view.note(f"held out, after {step} steps: " + "; ".join(_words(name, nats, results) for name in nats))

    def results(self, step: int, results: Results, status: str = "running") -> None:
        """The files that say what was reached."""
        write_whole(self._folder / RESULTS, json.dumps(results.summary(), indent=1).encode())
        facts = {f"{name}: {what}": value for name, row in results.summary().items() for what, value in row.items()}
        seconds = self._seconds_before + time.monotonic() - self._started
        write_summary(self._folder, Summary(step, round(seconds, 1), None, facts or None, status))  # type: ignore[arg-type]

    def sync(self) -> None:
        self._log()
        self._sinks.sync()

    def close(self, status: str) -> None:
        self._log()
        self._sinks.close(status)

    def _log(self) -> None:
        step, metrics = self._unlogged
        if metrics:
            self._sinks.log(step, metrics)
            self._unlogged = (step, {})

    def _line(self, step: int, stage: str, metrics: Mapping[str, float], loss: str) -> str:
        parts = [f"step {step}/{self._total}", stage, loss]
        if stage == "logits":
            parts.append(f"nats {metrics['distill/nats']:.3f} (teacher {metrics['distill/nats_teacher']:.3f})")
        pace = statistics.median(self._recent[stage])
        parts += [f"{metrics[keys.TOKENS_PER_S]:,.0f} tok/s", f"{pace:.1f} s/step"]
        last = self._last_step[stage]
        of_this = " in this stage" if last < self._total else ""  # a step of the next one takes another time
        return "  ".join([*parts, f"left {duration(pace * (last - step))}{of_this}"])


def _words(name: str, nats: Nats, results: Results) -> str:
    share = "" if len(results.history) == 1 else f", {results.regained(name, nats[name]):.1%} regained"
    return f"{nats[name]:.3f} nats a token on {SETS[name]} (teacher {results.teacher[name]:.3f}{share})"
