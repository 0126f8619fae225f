"""The verifier pools of all nodes as one: calls go round; a pool that is lost is started anew and asked again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from cluster.actors import VerifierActor
from rlhf.recipe.schema import RewardComponent, VerifyConfig
from rlhf.types import Prompt
from verifiers.base import Verdict
from verifiers.pool import GoldReport

_ATTEMPTS = 3
_CONCURRENCY = 64
_GROUPS = {"aside": 2}
"""Threads of an actor that `verify` does not use: without them `stats` and `close` would wait for verdicts."""
CLOSE_S = 10.0
"""An actor that has not ended its workers by itself after this is killed; they die with it."""
GOLD_PROMPTS = 200
"""At most so many prompts of a set have their gold answers checked, evenly spaced."""
_SHOWN = 5


Reports = Mapping[str, tuple[Sequence[Prompt], GoldReport]]


class GoldError(ValueError):
    """Prompts whose own gold answer their verifier does not accept."""


class VerifierService:
    """Implements `rlhf.protocols.Verifying`."""

    def __init__(
        self,
        options: Sequence[dict[str, Any]],
        verify: VerifyConfig,
        reward: Sequence[RewardComponent],
        notify: Callable[[str], None],
    ) -> None:
        self._options = list(options)
        self._arguments = (verify, tuple(reward), [str(Path.cwd())])
        self._notify = notify
        self._actors = [self._make(i) for i in range(len(options))]
        self._turn = itertools.count()
        self._lost = 0
        self._closed = False

    def _make(self, index: int) -> Any:
        make = ray.remote(concurrency_groups=_GROUPS, max_concurrency=_CONCURRENCY, max_restarts=0)
        return make(VerifierActor).options(**self._options[index]).remote(*self._arguments)

    async def start(self, *sets: Sequence[Prompt]) -> None:
        """Load the verifiers, and check the gold answers of these sets of prompts. Raises what is wrong with either."""
        await asyncio.gather(*(_own_error(actor.ready.remote()) for actor in self._actors))
        await self.check_gold(*sets)

    async def check_gold(self, *sets: Sequence[Prompt]) -> None:
        """Have every verifier judge its own gold answers of at most GOLD_PROMPTS prompts of each set.

        Raises GoldError naming prompts, references and verdicts where one is not accepted.
        """
        checked, reports = await self._gold_reports(*sets)
        for label, (of_it, report) in reports.items():
            if report.refused:
                raise GoldError(_refusal(label, report, of_it, checked))
        self._say_accepted(checked, reports)

    async def note_gold(self, name: str, prompts: Sequence[Prompt]) -> None:
        """The same of a benchmark, where a refused gold answer makes a problem unsolvable, not the rest worthless."""
        checked, reports = await self._gold_reports(prompts)
        for of_it, report in reports.values():
            for index, verdict in report.refused[:_SHOWN]:
                self._notify(f"warning: {of_it[index].id} cannot be solved: {_judged(of_it[index], verdict)}")
            if report.refused:
                self._notify(f"warning: {name}: {len(report.refused):,} gold answers are refused (checked: {checked})")
        self._say_accepted(checked, {k: found for k, found in reports.items() if not found[1].refused})

    async def _gold_reports(self, *sets: Sequence[Prompt]) -> tuple[str, Reports]:
        """What was checked, in words, and what came of it by the label of each component that judges any of it."""
        prompts = [prompt for prompts in sets for prompt in evenly_spaced(prompts, GOLD_PROMPTS)]
        checked, total = f"{len(prompts):,} prompts", sum(map(len, sets))
        if len(prompts) < total:
            checked = f"{len(prompts):,} of {total:,} prompts, evenly spaced"
        reports = await _own_error(self._actors[0].check_gold.remote(prompts)) if prompts else {}
        return checked, {label: found for label, found in reports.items() if found[0]}

    def _say_accepted(self, checked: str, reports: Reports) -> None:
        accepted = [
            f"{label} {f'accepts its {report.checked:,}' if report.checked else 'has none to check'}"
            for label, (_, report) in reports.items()
        ]
        if accepted:
            self._notify(f"gold answers of {checked}: {', '.join(accepted)}")

    async def verify(self, prompt: Prompt, texts: Sequence[str]) -> list[dict[str, Verdict]]:
        for _ in range(_ATTEMPTS):
            index = next(self._turn) % len(self._actors)
            actor = self._actors[index]
            try:
                return await _own_error(actor.verify.remote(prompt, list(texts)))
            except RayActorError as error:
                last = error
                if self._closed:
                    raise
                if self._actors[index] is actor:
                    self._lost += 1
                    self._notify("a verifier pool was lost; starting another, its samples are judged again")
                    self._actors[index] = self._make(index)
        raise RuntimeError(f"the verifier pool was lost {_ATTEMPTS} times judging prompt {prompt.id}") from last

    async def metrics(self) -> Mapping[str, float]:
        """Of all pools together: counts are added, latencies are the worst pool's. Does not wait for verdicts."""
        asked = [actor.stats.options(concurrency_group="aside").remote() for actor in self._actors]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        rows = [answer for answer in answers if isinstance(answer, dict)]  # a pool just lost has nothing to say
        together = {}
        for key in rows[0] if rows else ():
            together[key] = (max if "latency" in key else sum)(row[key] for row in rows)
        return {"verifier/pools_lost": float(self._lost), **{f"verifier/{k}": v for k, v in together.items()}}

    async def close(self) -> None:
        """End every pool, also one that is judging or does not answer: in CLOSE_S seconds at most."""
        self._closed = True
        asked = [actor.close.options(concurrency_group="aside").remote() for actor in self._actors]
        try:
            await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), CLOSE_S)
        except TimeoutError:
            self._notify(f"verifier pools did not end within {CLOSE_S:g} s; they are killed")
        for actor in self._actors:
            ray.kill(actor)


async def _own_error(answer: Awaitable[Any]) -> Any:
    """The answer of an actor; what it raised is raised as it was there, not as Ray wraps it."""
    try:
        return await answer
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, Exception) else error from error


def evenly_spaced(prompts: Sequence[Prompt], limit: int) -> list[Prompt]:
    """All of them, or `limit` with the same distance between them, the first among them."""
    return list(prompts) if len(prompts) <= limit else [prompts[i * len(prompts) // limit] for i in range(limit)]


def _refusal(label: str, report: GoldReport, prompts: Sequence[Prompt], checked: str) -> str:
    lines = [f"reward {label!r} does not accept {len(report.refused):,} of its own gold answers (checked: {checked}):"]
    for index, verdict in report.refused[:_SHOWN]:
        lines.append(f"  {_place(prompts[index])}: {_judged(prompts[index], verdict)}")
    if len(report.refused) > _SHOWN:
        lines.append(f"  and {len(report.refused) - _SHOWN:,} more")
    lines.append("Mend or leave out these rows, or name a verifier in reward that accepts such answers.")
    return "\n".join(lines)


def _judged(prompt: Prompt, verdict: Verdict) -> str:
    found = f"extracted {_short(verdict.extracted)}" if verdict.extracted is not None else "extracted nothing"
    judged = f"{verdict.status}, {found}" + (f", {verdict.reason}" if verdict.reason else "")
    return f"reference {_short(prompt.reference)}, verdict {judged}"


def _place(prompt: Prompt) -> str:
    """`train/17 (data.train, row 17 counted from 0)`, of an id that rlhf/data has made."""
    name, _, row = prompt.id.partition("/")
    number = name.removeprefix("train-")
    key = f"train_also.{int(number) - 2}" if number.isdecimal() else name
    return f"{prompt.id} (data.{key}, row {row} counted from 0)" if row.isdecimal() else prompt.id


def _short(text: str | None, limit: int = 80) -> str:
    shown = repr(text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
