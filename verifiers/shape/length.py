"""`length`: the soft overlong punishment of DAPO (2503.14476, eq. 13), on what a verifier can count: words, characters,
or tokens where the caller has counted them.

A degree: 0 for what is short enough, down to -1. Rewards that need the other responses to a prompt (Kimi k1.5's), and
the engine's own count of tokens, are `algorithm.shaping` in a recipe of `rlhf`.
"""

from __future__ import annotations

from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.registry import verifier
from verifiers.shape.parts import PARTS, degree, part_of, words_of

UNITS = ("words", "characters", "tokens")
TOKENS_FIELD = "response_tokens"


def overlong(length: int, limit: int, buffer: int) -> float:
    """0 up to limit - buffer, from there falling linearly to -1 at `limit`, -1 beyond."""
    return min(max((limit - buffer - length) / buffer, -1.0), 0.0)


def _check(limit: int, buffer: int, unit: str, part: str) -> None:
    if not 0 < buffer <= limit:
        raise ValueError(f"limit, buffer: found {limit} and {buffer}; write 1 or more, the buffer at most the limit")
    if unit not in UNITS:
        raise ValueError(f"unit: found {unit!r}; write one of {', '.join(UNITS)}")
    if part not in PARTS:
        raise ValueError(f"part: found {part!r}; write one of {', '.join(PARTS)}")
    if unit == "tokens" and part != "response":
        raise ValueError(f"part: found {part!r} with unit: tokens, of which only the whole response's are known")


def _prepare(limit: int, buffer: int, unit: str = "words", part: str = "response", **_config: Any) -> None:
    _check(limit, buffer, unit, part)


@verifier("length", summary="soft punishment of overlong responses", needs_reference=False, prepare=_prepare)
def length_verifier(
    sample: Sample,
    limit: int,
    buffer: int,
    unit: str = "words",
    part: str = "response",
    think_close: str = "</think>",
) -> Verdict:
    """The punishment of this response's length, from 0 to -1."""
    _check(limit, buffer, unit, part)
    length = _tokens(sample) if unit == "tokens" else _counted(part_of(sample.response, part, think_close), unit)
    return degree(overlong(length, limit, buffer), f"{length:,} {unit}")


def _counted(text: str, unit: str) -> int:
    return len(text) if unit == "characters" else len(words_of(text))


def _tokens(sample: Sample) -> int:
    found = sample.metadata.get(TOKENS_FIELD)
    if type(found) is not int or found < 0:
        raise ValueError(
            f"metadata.{TOKENS_FIELD}: found {found!r}; whoever calls must write the count there. A training run has "
            "algorithm.shaping.overlong_weight for it"
        )
    return found
