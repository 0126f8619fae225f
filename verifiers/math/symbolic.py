"""What needs algebra, by math-verify: two LaTeX expressions, never a whole response, and never its expression parser,
which would call `eval`."""

from __future__ import annotations

import logging
from typing import Any


def same_by_algebra(answer: str, gold: str) -> bool:
    """math-verify on two LaTeX expressions, without its time limits: run it where it can be killed.

    An expression that math-verify cannot take is not equal to anything. MemoryError passes through.
    """
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns, at every start, that its limits are off
    from math_verify import LatexExtractionConfig, parse, verify

    config = [LatexExtractionConfig(boxed_match_priority=0)]

    def parsed(text: str) -> list[Any]:
        # first_match: if the box cannot be read as a whole, parts of it are not looked at
        found: list[Any] = parse(
            f"\\boxed{{{text}}}", config, extraction_mode="first_match", parsing_timeout=None, raise_on_error=True
        )
        return found

    gold_parsed = parsed(gold)
    try:
        return bool(verify(gold_parsed, parsed(answer), timeout_seconds=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - sympy raises anything on expressions that it cannot take or compare
        return False
