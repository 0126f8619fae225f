"""All missing samples of all benchmarks: asked for side by side, judged while others are sampled, journalled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from rlhf.evaluation.run.answer import Answer, Answering
from rlhf.evaluation.run.journal import Journal, SampleRow
from rlhf.evaluation.run.tasks import Task, label_of
from rlhf.evaluation.run.voting import vote_of
from rlhf.protocols import Verifying
from verifiers.base import Verdict


class Watcher(Protocol):
    """Who is told of every sample that is done."""

    def done(self, row: SampleRow) -> None: ...


@dataclass(frozen=True, slots=True)
class Gathering:
    """at_once: samples that may be with the engines; answering is None where nothing is left to be sampled."""

    answering: Answering | None
    verifying: Verifying
    journal: Journal
    watcher: Watcher
    at_once: int

    async def run(self, tasks: Iterable[Task]) -> None:
        """Raises what an engine or the verifiers raise; what is journalled by then is kept."""
        started, turn = time.monotonic(), asyncio.Semaphore(self.at_once)
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    await turn.acquire()
                    group.create_task(self._one(task, turn, started))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def _one(self, task: Task, turn: asyncio.Semaphore, started: float) -> None:
        began = time.monotonic() - started
        try:
            answer = await self._answer(task)
        finally:
            turn.release()  # grading holds up no sampling
        (verdicts,) = await self.verifying.verify(task.prompt, [answer.text])
        verdict = verdicts[label_of(task.benchmark.name)]
        ended = time.monotonic() - started
        row = _row(task, answer, verdict, _When(self.journal.session, round(began, 3), round(ended, 3)))
        self.journal.add(row)
        self.watcher.done(row)

    async def _answer(self, task: Task) -> Answer:
        if (row := task.answered) is not None:
            return Answer(row.response, row.tokens, row.truncated, row.forced)
        if self.answering is None:
            raise ValueError(f"sample {task.key} is to be asked for, and no engine was started")
        return await self.answering.answer(task.prompt.token_ids, task.benchmark.temperature)


@dataclass(frozen=True, slots=True)
class _When:
    session: int
    began: float
    ended: float


def _row(task: Task, answer: Answer, verdict: Verdict, when: _When) -> SampleRow:
    if (earlier := task.answered) is not None:  # the time of its answer counts, not that of judging it again
        when = _When(earlier.session, earlier.began, earlier.ended)
    extracted = _encodable(verdict.extracted)
    return SampleRow(
        benchmark=task.benchmark.name,
        problem=task.problem,
        sample=task.sample,
        response=answer.text,
        status=str(verdict.status),
        score=None if verdict.score is None else float(verdict.score),
        extracted=extracted,
        vote=vote_of(extracted) if task.benchmark.votes else None,
        reason=_encodable(verdict.reason) or "",
        tokens=answer.tokens,
        truncated=answer.truncated,
        forced=answer.forced,
        seconds=round(verdict.seconds, 6),
        began=when.began,
        ended=when.ended,
        session=when.session,
    )


def _encodable(text: str | None) -> str | None:
    """Half of a surrogate pair, which a verifier that reads JSON may have extracted, as a question mark."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")
