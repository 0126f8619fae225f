"""A verifier: a function of a sample, with what the pool must know about it.

Whatever the function does, `judge` answers with a Verdict: what it returned, converted, or an `error` that is
attributed to it. Only MemoryError passes through, for the worker to handle.
"""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verifiers.base import RowError, Sample, Verdict
from verifiers.signature import check_settings

RunAsync = Callable[[Coroutine[Any, Any, Any]], Any]

MAX_TEXT = 2000
"""Longest `extracted` or `reason` that leaves a verifier, in characters."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A named reward rule. Made by `@verifier(...)`; calling it calls the function.

    screen: only for isolated verifiers: `(sample, **config) -> Verdict | None`, run without the fork that a sample
    otherwise costs. It must not evaluate model text.
    gold_response: `(sample, **config) -> str | None`, a response that must be judged correct: asked for at the start of
    a run. Without one the verifier declares that there is no gold answer to be written down.
    warm_up: run once when a worker loads the verifier: slow imports belong here, where no sample's time is spent.
    prepare: `(**config) -> None`, run when a worker loads the verifier with these settings: a model to be read, say.
    batch: the most samples that the function is given at a time, as a list; it returns as many outcomes. 1: one sample,
    not in a list.
    """

    function: Callable[..., Any]
    name: str
    summary: str = ""
    isolated: bool = False
    needs_reference: bool = True
    gold_response: Callable[..., str | None] | None = None
    screen: Callable[..., Verdict | None] | None = None
    warm_up: Callable[[], None] | None = None
    prepare: Callable[..., None] | None = None
    batch: int = 1

    def __call__(self, sample: Any, **config: Any) -> Any:
        return self.function(sample, **config)

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Raise ValueError if the function does not take these settings."""
        check_settings(self.name, self.function, config)

    def judge(self, sample: Sample, config: Mapping[str, Any], run_async: RunAsync) -> Verdict:
        """The verdict on one sample; every failure of the function becomes an `error` verdict that names it."""
        verdict = self._guarded(self._single, sample, config, run_async)
        return Verdict.error(f"{self.name} gave no verdict") if verdict is None else verdict

    def judge_batch(
        self, samples: Sequence[Sample], config: Mapping[str, Any], run_async: RunAsync
    ) -> list[Verdict] | None:
        """The verdicts on samples that all have what the verifier needs; None if it fails on them together, which says
        nothing about any one of them."""
        try:
            outcomes = self.function(list(samples), **config)
            if inspect.iscoroutine(outcomes):
                outcomes = run_async(outcomes)
        except MemoryError:
            raise
        except BaseException:  # noqa: BLE001 - the boundary; each is judged alone then, and the failure told there
            return None
        if not isinstance(outcomes, Sequence) or len(outcomes) != len(samples):
            return [self._miscounted(outcomes, len(samples))] * len(samples)
        return [as_verdict(outcome, self.name) for outcome in outcomes]

    def _single(self, sample: Sample, **config: Any) -> Any:
        """The outcome, or a coroutine that has it."""
        if self.batch == 1:
            return self.function(sample, **config)
        outcomes = self.function([sample], **config)
        return self._awaited(outcomes) if inspect.iscoroutine(outcomes) else self._only(outcomes)

    async def _awaited(self, outcomes: Awaitable[Any]) -> Any:
        return self._only(await outcomes)

    def _only(self, outcomes: Any) -> Any:
        return outcomes[0] if isinstance(outcomes, Sequence) and len(outcomes) == 1 else self._miscounted(outcomes, 1)

    def _miscounted(self, outcomes: Any, count: int) -> Verdict:
        found = f"{len(outcomes)} outcomes" if isinstance(outcomes, Sequence) else f"a {type(outcomes).__name__}"
        return Verdict.error(f"{self.name} returned {found} for {count} samples; return a list with one for each")

    def gold(self, sample: Sample, config: Mapping[str, Any]) -> str | Verdict | None:
        """A response to this sample that must be judged correct; None if there is none to be had (no `gold_response`,
        or it said so); an `error` verdict if a reference is wanted and missing, or writing the response failed."""
        if self.needs_reference and sample.reference is None:
            return self._no_reference()
        if self.gold_response is None:
            return None
        try:
            response = self.gold_response(sample, **config)
        except RowError as problem:
            return Verdict.error(clip(f"{self.name}: {problem}"))
        except BaseException as problem:  # noqa: BLE001 - the boundary: a user's function may raise anything
            return Verdict.error(clip(f"{self.name}: its gold_response raised {_describe(problem)}"))
        if response is None or isinstance(response, str):
            return response
        kind = type(response).__name__
        return Verdict.error(f"{self.name}: its gold_response returned a {kind}; return a str or None")

    def judge_screen(self, sample: Sample, config: Mapping[str, Any], run_async: RunAsync) -> Verdict | None:
        """What can be said without evaluating model text, or None if the function itself is needed."""
        return self._guarded(self.screen, sample, config, run_async) if self.screen else None

    def _guarded(
        self, function: Callable[..., Any], sample: Sample, config: Mapping[str, Any], run_async: RunAsync
    ) -> Verdict | None:
        if self.needs_reference and sample.reference is None:
            return self._no_reference()
        try:
            outcome = function(sample, **config)
            if inspect.iscoroutine(outcome):
                outcome = run_async(outcome)
        except MemoryError:
            raise
        except RowError as problem:
            return Verdict.error(clip(f"{self.name}: {problem}"))
        except BaseException as problem:  # noqa: BLE001 - the boundary: a user's function may raise anything
            return Verdict.error(clip(f"{self.name} raised {_describe(problem)}"))
        return None if outcome is None and function is self.screen else as_verdict(outcome, self.name)

    def _no_reference(self) -> Verdict:
        return Verdict.error(f"{self.name} needs a reference and this sample has none; set data.reference_field")


def as_verdict(outcome: object, name: str) -> Verdict:
    """A verdict from what a verifier function returned: a Verdict, a bool, or a score of at most 1.0."""
    if isinstance(outcome, Verdict):
        return outcome
    if isinstance(outcome, bool):
        return Verdict.correct() if outcome else Verdict.wrong()
    if isinstance(outcome, (int, float)):
        score = float(outcome)
        if math.isfinite(score) and score <= 1.0:
            return Verdict.correct() if score == 1.0 else Verdict.wrong(score=score)
        return Verdict.error(f"{name} returned {score!r}; a score is a finite number of at most 1.0, which is correct")
    shown = clip(repr(outcome), 80)
    return Verdict.error(f"{name} returned {shown} ({type(outcome).__name__}); return a Verdict, a float or a bool")


def clip(text: str, limit: int = MAX_TEXT) -> str:
    """`text`, cut to `limit` characters, with a mark where it was cut, and fit to be written: no lone surrogates."""
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def _describe(problem: BaseException) -> str:
    """`ValueError: message (file.py:12)`, the line being the innermost one."""
    frames = traceback.extract_tb(problem.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(problem).__name__}: {problem}{where}"
