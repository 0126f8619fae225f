"""What is asked of an engine and what it answers: plain data, no vLLM."""

from __future__ import annotations

from dataclasses import dataclass

from rlhf.types import FinishReason, Segment


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is asked for per request; the rest is the recipe's.

    temperature: 0 is greedy. top_p, top_k, min_p: None for the recipe's, which training needs; an evaluation may
    truncate the distribution, because nothing is learned from it.
    plain: for an evaluation: without log-probabilities (they come as NaN), and without the rules that a recipe has for
    responses to learn from, a least length, end tokens of its own and the end of loops.
    """

    n: int
    temperature: float
    max_tokens: int
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    plain: bool = False


def queued_at_once(engines: int, max_concurrent_sequences: int) -> int:
    """Samples to have out at engines: twice what they sample at once, enough that none idles."""
    return 2 * engines * max_concurrent_sequences


@dataclass(frozen=True, slots=True)
class RawSample:
    """One sampled response, as the engine gave it. text: only where the engine had to detokenise (stop strings)."""

    segments: tuple[Segment, ...]
    finish_reason: FinishReason
    text: str | None
    engine: str = ""


class GenerationAbortedError(RuntimeError):
    """A response was cut off (a publication with `abort`, or the engine's end): its prompt is handed out again."""


class EngineLostError(RuntimeError):
    """The engine, or the process it runs in, is gone: its prompts are handed out again and it is replaced."""


# What another attempt may mend, and how it is counted; anything else that a group raises stops the run.
RETRY_REASONS: dict[type[Exception], str] = {
    EngineLostError: "engine_lost",
    GenerationAbortedError: "aborted",
    TimeoutError: "timeout",
}
RETRIED = tuple(RETRY_REASONS)


def retry_reason(error: Exception) -> str:
    """Under which reason a failed group is counted; `error` is an instance of one of RETRIED."""
    return next(reason for kind, reason in RETRY_REASONS.items() if isinstance(error, kind))
