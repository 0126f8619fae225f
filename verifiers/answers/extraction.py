"""Where the answer stands in a response, for every verifier of this package. Never the whole text."""

from __future__ import annotations

import re

from verifiers.base import Verdict
from verifiers.extract import after_thinking, balanced, boxes, last_boxed, last_line, tag_contents

MAX_ANSWER_CHARS = 10_000

MISSING = {
    "boxed": "no closed \\boxed{{}} in the response",
    "answer_tag": "no <{tag}>…</{tag}> in the response",
    "last_line": "the response is empty",
    "final_answer": "neither a closed \\boxed{{}} nor “final answer is” in the response",
}

_FINAL = re.compile(r"\bfinal\s{1,4}answer\W{0,8}?\s{0,4}(?:is\b|[:：])[ \t]{0,8}[:：]?", re.IGNORECASE)
_STRUCK_OUT = re.compile("(?<![=<>~≈≡∣∥∈∋≤≥⊂⊃⊆⊇])[\u0335-\u0338\u20d2\u20d3\u20e0\u20e5\u20e6\u20eb]")
_MARKS = ("**", "__", "`")
_MOST_MARKS = 8


def answer_of(response: str, extract: str, answer_tag: str, think_close: str) -> str | Verdict:
    """The answer in a response, or the `unparsed` verdict that says why there is none.

    extract: `boxed`, the last box after the thinking part; `answer_tag`, what the last such tag holds; `last_line`;
    `final_answer`, the last box, and where there is none what follows the last “final answer is”. A box within what
    was found is the answer in its place. Raises ValueError for another word.
    """
    if extract not in MISSING:
        raise ValueError(f"extract: found {extract!r}; write one of {', '.join(MISSING)}")
    text = after_thinking(response, think_close)
    found = _found(text, extract, answer_tag)
    if found is None:
        return Verdict.unparsed(MISSING[extract].format(tag=answer_tag))
    if not found.strip():
        return Verdict.unparsed("the answer is empty")
    if len(found) > MAX_ANSWER_CHARS:
        return Verdict.unparsed(f"an answer of {len(found):,} characters; at most {MAX_ANSWER_CHARS:,} are read")
    if _STRUCK_OUT.search(found):
        return Verdict.unparsed("characters that are struck out")
    return found.strip()


def written(answer: str, extract: str, answer_tag: str) -> str:
    """A response that gives `answer` where it is looked for: what gold answers are checked with.

    Raises ValueError where it cannot be written there.
    """
    if extract == "answer_tag":
        return f"<{answer_tag}>{answer}</{answer_tag}>"
    if extract == "last_line" and len(boxes(answer)) == 0:
        return " ".join(answer.split())
    if not balanced(answer):
        raise ValueError(f"the braces of the reference do not balance: {answer[:80]}")
    return f"\\boxed{{{answer}}}"


def _found(text: str, extract: str, answer_tag: str) -> str | None:
    if extract == "boxed":
        return last_boxed(text)
    if extract == "final_answer":
        box = last_boxed(text)
        return _final_sentence(text) if box is None else box
    if extract == "answer_tag":
        tags = tag_contents(text, answer_tag)
        place = tags[-1] if tags else None
    else:
        place = last_line(text)
    if place is None:
        return None
    box = last_boxed(place)
    return place if box is None else box


def _final_sentence(text: str) -> str | None:
    """The rest of the line after the last “final answer is”, or the next line where that rest is blank."""
    end = -1
    for match in _FINAL.finditer(text):
        end = match.end()
    if end < 0:
        return None
    stop = text.find("\n", end)
    line = _unmarked(text[end:] if stop < 0 else text[end:stop])
    if line or stop < 0:
        return line
    return next((found for part in text[stop:].splitlines() if (found := _unmarked(part))), "")


def _unmarked(line: str) -> str:
    """Without markdown's marks around it, of which the first may have been opened before, and the last be followed by
    the sentence's full stop."""
    text = line.strip()
    for _ in range(_MOST_MARKS):
        inner, stop = text.removesuffix("."), "." if text.endswith(".") else ""
        for mark in _MARKS:
            inner = inner.removeprefix(mark).removesuffix(mark).strip()
        if inner + stop == text:
            break
        text = inner + stop
    return text
