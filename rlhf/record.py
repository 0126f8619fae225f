"""What a run leaves behind while it runs: metrics, trajectories, the summary; and what it shows."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rlhf.evaluation.report.summary import Heldout, HeldoutPoint, Summary, read_summary, write_summary
from rlhf.group_json import group_record
from rlhf.heldout import HeldoutResult
from rlhf.metrics import keys
from rlhf.metrics.live import LiveView
from rlhf.metrics.sinks import SinkGroup
from rlhf.run_folder import RunFolder
from rlhf.token_details import TokenDetails, TokenTexts, details_of_step
from rlhf.types import Batch, Group


class RunRecord:
    """Implements `rlhf.parts.Record` on a run folder."""

    def __init__(
        self,
        folder: RunFolder,
        sinks: SinkGroup,
        view: LiveView,
        resumed_step: int | None,
        started: float,
        texts: TokenTexts | None = None,
        token_details: int = 0,
    ) -> None:
        """started: `time.monotonic()` when the run began, loading included.

        texts, token_details: how single tokens are written, and of how many groups a step they are kept.
        """
        self._folder = folder
        self._sinks = sinks
        self._view = view
        self._started = started
        self._texts, self._token_details = texts, token_details
        self._unlogged: tuple[int, dict[str, float]] | None = None
        earlier = read_summary(folder.path) if resumed_step is not None else None
        self._seconds_before = earlier.seconds if earlier else 0.0
        self.summary = _resumed(earlier, resumed_step) if earlier else Summary(0, 0.0, Heldout(), None, "running")

    def step(
        self,
        step: int,
        total: int,
        metrics: Mapping[str, float],
        groups: Sequence[Group],
        batch: Batch | None = None,
    ) -> None:
        """batch: what was learned from the groups."""
        details: Mapping[int, Sequence[TokenDetails]] = {}
        if self._texts is not None:
            details = details_of_step(groups, batch, self._texts, self._token_details, step)
        with (self._folder.trajectories / f"step_{step:06}.jsonl").open("w", encoding="utf-8") as file:
            for index, group in enumerate(groups):
                file.write(json.dumps(group_record(group, step, details.get(index)), ensure_ascii=False) + "\n")
        self._log()
        self._unlogged = (step, dict(metrics))
        self._view.step(step, total, metrics)
        if metrics.get(keys.REWARD_STD) == 0.0:
            self._view.note(f"step {step}: every reward is {metrics[keys.REWARD]:g}: there was nothing to learn from")
        if metrics.get("correction/rejected") == 1.0:
            self._view.note(f"step {step}: algorithm.correction rejected every response: nothing was learned")
        if (far := metrics.get(keys.MISMATCH_2X, 0.0)) > keys.MISMATCH_ALARM:
            self._view.note(
                f"step {step}: ALARM: engine and learner differ by more than a factor 2 on {far:.0%} of the tokens "
                f"(F(2) > {keys.MISMATCH_ALARM:g}): such a run may collapse; write algorithm.correction, or see "
                "why they differ (staleness, dtype, expert routing)"
            )
        self._update(steps=step)

    def heldout(self, step: int, result: HeldoutResult) -> None:
        point = HeldoutPoint.of(step, result.accuracy)
        held = self.summary.heldout or Heldout()
        history = (*(p for p in held.history if p.step != step), point)
        before = held.before or result.accuracy
        self._update(heldout=Heldout(before, result.accuracy if step else held.after, history))
        measured = {
            keys.HELDOUT_ACCURACY: result.accuracy.value,
            "heldout/length_mean": result.length_mean,
            "heldout/truncated": result.truncated,
            "heldout/errors": float(result.errors),
        }
        self.measured(step, measured)
        text = f"held-out accuracy {result.accuracy} after {step} steps, response length {result.length_mean:.1f}"
        self._view.note(text)

    def heldout_value(self, step: int) -> float | None:
        history = (self.summary.heldout or Heldout()).history
        return next((point.value for point in history if point.step == step), None)

    def warmup(self, facts: Mapping[str, Any]) -> None:
        self._update(warmup=dict(facts))

    def value_pretraining(self, facts: Mapping[str, Any]) -> None:
        if facts:
            named = {f"value_{name}": value for name, value in facts.items()}
            self._update(warmup={**(self.summary.warmup or {}), **named})

    def measured(self, step: int, metrics: Mapping[str, float]) -> None:
        if self._unlogged is None or self._unlogged[0] != step:
            self._log()
            self._unlogged = (step, {})
        self._unlogged[1].update(metrics)

    def sync(self) -> None:
        self._log()
        self._sinks.sync()

    def close(self, status: str) -> None:
        """status: how the run ended: `finished`, `interrupted` or `failed`."""
        self._log()
        self._update(status=status)
        self._sinks.close(status)

    def _log(self) -> None:
        """Trackers take each step once, so a step is logged when its held-out numbers can be with it."""
        if self._unlogged is not None:
            self._sinks.log(*self._unlogged)
            self._unlogged = None

    def _update(self, **changes: Any) -> None:
        seconds = self._seconds_before + time.monotonic() - self._started
        self.summary = replace(self.summary, seconds=round(seconds, 1), **changes)
        write_summary(self._folder.path, self.summary)


def _resumed(earlier: Summary, step: int | None) -> Summary:
    """The earlier summary without what came after the checkpoint."""
    held = earlier.heldout or Heldout()
    history = tuple(p for p in held.history if p.step <= (step or 0))
    after = held.after if earlier.steps == step and history and history[-1].step == step else None
    return replace(earlier, steps=step or 0, heldout=Heldout(held.before, after, history), status="running")
