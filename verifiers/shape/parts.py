"""A response's parts and words, as the rules on its form count them. Plain text work, linear time."""

from __future__ import annotations

import html
import re
import unicodedata

from verifiers.base import Verdict

PARTS = ("response", "thinking", "answer")

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
LONGEST_WORD = 16
"""Characters; a longer run without spaces is cut into words of this length: joining words saves none, and `aaaa…`
repeats itself too."""
_WORD = re.compile(rf"[{_CJK}]|[^\s{_CJK}]{{1,{LONGEST_WORD}}}")
_BLANK = re.compile("[\u115f\u1160\u200b\u2800\u3164\ufeff\uffa0]")
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_SPACING = re.compile(
    r"\\(?:q?quad|enspace|thinspace|hfill|newline|strut|null|[hv]?phantom|[hv]space\*?)(?![A-Za-z])|\\[^A-Za-z]"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_FRAME = frozenset("{}~$&\\")


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
    """What stands between spaces; of Chinese and Japanese, which writes none, each character. A long run
    is several words."""
    return _WORD.findall(visible(text))


def visible(text: str) -> str:
    """`text` with spaces for what takes room and shows nothing, and without joiners, controls and the like."""
    return _HIDDEN.sub("", _BLANK.sub(" ", text))


def shows(text: str) -> bool:
    """Whether a reader sees a letter, digit, sign or mark in it: no comments, tags, LaTeX spacing or fillers."""
    text = text.replace("\\{", "(").replace("\\}", ")")
    bare = _SPACING.sub(" ", _TAG.sub(" ", visible(html.unescape(_uncommented(text)))))
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _FRAME for char in bare)


def _uncommented(text: str) -> str:
    parts = text.split("<!--")
    return "".join([parts[0], *(part.partition("-->")[2] for part in parts[1:])]) if "-->" in text else text


def degree(score: float, reason: str = "") -> Verdict:
    """A verdict that is neither right nor wrong: 1.0 can only be said with `correct`."""
    return Verdict.correct(reason=reason) if score == 1.0 else Verdict.wrong(reason=reason, score=score)
