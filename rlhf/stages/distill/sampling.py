"""Text from the teacher: requests kept with the engines until there are enough tokens, each sample written at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import count

import numpy as np

from rlhf.protocols import Engines
from rlhf.rollout.sampling import RETRIED, Sampling
from rlhf.stages.distill.beginnings import Beginnings
from rlhf.stages.distill.samples import Sample, TextFile

Note = Callable[[str], None]
MOST_ATTEMPTS = 5
_TELL_EVERY_S = 20.0


async def sample_text(
    engines: Engines, file: TextFile, beginnings: Beginnings, tokens: int, length: int, at_once: int, note: Note
) -> list[Sample]:
    """Samples of at most `length` tokens at temperature 1, `tokens` of them or a little more; those that the file holds
    are counted, and not asked for again.

    No sample is cut short or thrown away, which would favour short ones: requests end when what is under way will do.
    """
    held = file.read()
    file.keep(held)
    # Those that were under way when an earlier session ended come first: they are longer than others on average.
    had = {sample.number for sample in held}
    numbers = (number for number in count() if number not in had)
    progress = _Progress(sum(len(sample.tokens) for sample in held), tokens, note)
    under_way: set[asyncio.Task[Sample]] = set()
    try:
        while True:
            # Before any has come, each is taken to become as long as it may.
            usual = sum(len(s.tokens) for s in held) / len(held) if held else float(length)
            while len(under_way) < at_once and progress.done + usual * len(under_way) < tokens:
                number = next(numbers)
                under_way.add(asyncio.create_task(_one(engines, number, beginnings.of(number), length)))
            if not under_way:
                return sorted(held, key=lambda sample: sample.number)
            ended, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                file.add(task.result())
                held.append(task.result())
                progress.add(len(task.result().tokens))
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _one(engines: Engines, number: int, prompt: tuple[int, ...], length: int) -> Sample:
    for attempt in range(1, MOST_ATTEMPTS + 1):
        try:
            (raw,) = await engines.generate(prompt, Sampling(1, 1.0, length, plain=True))
        except RETRIED:
            if attempt == MOST_ATTEMPTS:
                raise
            continue
        ids = np.concatenate([segment.token_ids_R for segment in raw.segments])
        return Sample(number, prompt, tuple(int(i) for i in ids))
    raise AssertionError("unreachable")


class _Progress:
    """A line now and then: how many tokens there are, and how fast they come."""

    def __init__(self, done: int, wanted: int, note: Note) -> None:
        self.done, self._wanted, self._note = done, wanted, note
        self._before, self._started = done, time.monotonic()
        self._told = self._started

    def add(self, tokens: int) -> None:
        self.done += tokens
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY_S or self.done >= self._wanted:
            self._told = now
            speed = (self.done - self._before) / max(now - self._started, 1e-9)
            self._note(f"sampled {self.done:,} of {self._wanted:,} tokens  {speed:,.0f} tok/s")
