"""A response's parts and words, as the rules on its form count them. Plain text work, linear time."""

from __future__ import annotations

import re

from verifiers.base import Verdict

PARTS = ("response", "thinking", "answer")

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\s{_CJK}]+")


def part_of(response: str, part: str, think_close: str) -> str:
    """The whole response, what stands before the last `think_close`, or what follows it. Without that mark the thinking
    has not ended or there is none: all of it is either. Raises ValueError for another part."""
    if part not in PARTS:
        raise ValueError(f"part: found {part!r}; write one of {', '.join(PARTS)}")
    if part == "response" or not think_close or think_close not in response:
        return response
    before, _, after = response.rpartition(think_close)
    return before if part == "thinking" else after


def words_of(text: str) -> list[str]:
    """What stands between spaces; of Chinese and Japanese, which writes none, each character."""
    return _WORD.findall(text)


def degree(score: float, reason: str = "") -> Verdict:
    """A verdict that is neither right nor wrong: 1.0 can only be said with `correct`."""
    return Verdict.correct(reason=reason) if score == 1.0 else Verdict.wrong(reason=reason, score=score)
