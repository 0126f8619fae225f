"""Finding the answer in a response: the last box, tag or line after the thinking part. Plain text work, linear time."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

_TOKEN = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_OPENER = re.compile(r"\\.|\$\$?", re.DOTALL)
_CLOSERS = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}
_MARKER = re.compile(r"(?i)\b(?:final\s+answer|answer)\b(?=\W*(?:is|are|:|=|\n|\w))")
_SENTENCE_END = re.compile(r"(?<=[^.])\.(?:\s|$)|\n|<\||\s[Ii] hope\b")
_IS = re.compile(r"\b(?:is|are|equals)\b|:\s|=(?=\s*[-+\d$\\])")
_VERB = re.compile(r"\b(?:is|are|equals)\s+|\b[Ii]t's\s+")
_MAX_STATEMENT = 4000
_TAG_NAME = re.compile(r"</([A-Za-z][A-Za-z0-9_-]{0,40})>")
_THINKING = ("think", "thinking", "thought", "thoughts", "reasoning")
_HIDDEN = re.compile(r"[^\t\n\r -~]+")


def after_thinking(response: str, think_close: str = "</think>") -> str:
    """What follows the last `think_close`; the whole response where there is none.

    Nothing, if a thinking part is left open: opened (by `think_close` without its slash) and not closed after that.
    Where `think_close` is a tag, its name and the other usual ones count in any case, with spaces and attributes, each
    until it is closed by its own name; characters in between that are not ASCII hide none.
    """
    if not think_close:
        return response
    tag = _TAG_NAME.fullmatch(think_close)
    if tag is None:
        rest = response.rpartition(think_close)[2]
        opening = think_close.replace("/", "", 1)
        return "" if opening != think_close and opening in rest else rest
    own = tag[1].lower()
    ends = [found.end() for found in _tags(own).finditer(response) if found[1] and found[2].lower() == own]
    rest = response[ends[-1] :] if ends else response
    is_open: set[str] = set()
    for found in _tags(own).finditer(_HIDDEN.sub("", rest)):
        (is_open.discard if found[1] else is_open.add)(found[2].lower())
    return "" if is_open else rest


@functools.lru_cache(maxsize=8)
def _tags(name: str) -> re.Pattern[str]:
    """The tags that open or close a thinking part: a slash or nothing, and the name."""
    names = "|".join(map(re.escape, sorted({name, *_THINKING}, key=len, reverse=True)))
    return re.compile(rf"<\s{{0,9}}(/?)\s{{0,9}}({names})(?:[\s/][^<>]{{0,200}})?>", re.IGNORECASE | re.ASCII)


def last_boxed(text: str) -> str | None:
    """The content of the last `\\boxed{...}` whose braces balance, boxes around boxes removed; None without one.

    Of nested boxes the outermost counts. Escaped braces are text.
    """
    found = boxes(text)
    return found[-1][2] if found else None


def boxes(text: str) -> list[tuple[int, int, str]]:
    """All of them in order: where each begins and ends, and its content."""
    open_braces: list[tuple[int, int]] = []
    closed: list[_Box] = []
    for token in _TOKEN.finditer(text):
        found = token.group()
        if found == "}":
            if not open_braces:
                continue
            begin, start = open_braces.pop()
            if begin < 0:
                continue
            inner = start, token.start()
            while closed and closed[-1].begin >= start:
                within = closed.pop()  # it stands within this one
                if _blank(text, start, within.begin) and _blank(text, within.end, token.start()):
                    inner = within.inner
            closed.append(_Box(begin, token.end(), inner))
        elif found.endswith("{") and found != "\\{":
            open_braces.append((token.start() if len(found) > 1 else -1, token.end()))
    return [(box.begin, box.end, text[slice(*box.inner)].strip()) for box in closed]


class _Box(NamedTuple):
    """inner: the content's range; of a box that holds one other box and nothing else, that one's."""

    begin: int
    end: int
    inner: tuple[int, int]


def _blank(text: str, start: int, end: int) -> bool:
    return not text[start:end] or text[start:end].isspace()


def final_answer(text: str) -> str | None:
    """What the last `final answer is …` or `answer: …` states, to the end of its sentence; None without one.

    Of `The answer, the largest n, is $34$.` that is `34`: what follows the sentence's last `is`.
    """
    ends = [marker.end() for marker in _MARKER.finditer(text)]
    if not ends:
        return None
    return _stated(text[ends[-1] : ends[-1] + _MAX_STATEMENT].lstrip("*:_ \n"))


def last_statement(text: str) -> str | None:
    """What follows the last `is`, `are` or `equals`, to the end of its sentence; None without one."""
    ends = [verb.end() for verb in _VERB.finditer(text)]
    return _stated(text[ends[-1] : ends[-1] + _MAX_STATEMENT]) if ends else None


def _stated(text: str) -> str | None:
    """What the first sentence of `text` says in the end, without the signs of a formula around it."""
    sentence = _SENTENCE_END.split(_in_formulas(text, lambda part: part.replace("\n", " ")), maxsplit=1)[0]
    hidden = _in_formulas(sentence, lambda part: " " * len(part))
    last = max((verb.end() for verb in _IS.finditer(hidden)), default=0)
    stated = sentence[last:].replace('\\"', "").strip('*_ \t:"')
    held = formulas(stated)
    if held and held[0][0] == 0 and not stated[held[0][1] :].strip("*_ ."):
        stated = held[0][2]
    return stated.strip().removesuffix(".").strip() or None


def _in_formulas(text: str, change: Callable[[str], str]) -> str:
    parts, position = [], 0
    for start, end, _ in formulas(text):
        parts += [text[position:start], change(text[start:end])]
        position = end
    return "".join([*parts, text[position:]])


def formulas(text: str) -> list[tuple[int, int, str]]:
    """Every `$…$`, `$$…$$`, `\\(…\\)` and `\\[…\\]`: where it begins and ends, and its content."""
    found, position = [], 0
    missing: set[str] = set()
    while (opener := _OPENER.search(text, position)) is not None:
        position = opener.end()
        closer = _CLOSERS.get(opener.group())
        if closer is None or closer in missing:
            continue
        end = _find_closer(text, closer, position)
        if end < 0:
            missing.add(closer)
        else:
            if end > position:
                found.append((opener.start(), end + len(closer), text[position:end]))
            position = end + len(closer)
    return found


def _find_closer(text: str, closer: str, position: int) -> int:
    """Where `closer` stands next; an escaped `$` closes nothing."""
    end = text.find(closer, position)
    while closer == "$" and end > 0 and text[end - 1] == "\\":
        end = text.find(closer, end + 1)
    return end


def balanced(text: str) -> bool:
    """Whether every brace that is not escaped has its partner."""
    depth = 0
    for token in _TOKEN.finditer(text):
        found = token.group()
        if found == "}":
            depth -= 1
            if depth < 0:
                return False
        elif found.endswith("{") and found != "\\{":
            depth += 1
    return depth == 0


def tag_contents(text: str, tag: str) -> list[str]:
    """What stands between each `<tag>` and the next `</tag>`, in order."""
    opening, closing = f"<{tag}>", f"</{tag}>"
    found, position = [], 0
    while (start := text.find(opening, position)) >= 0:
        end = text.find(closing, start)
        if end < 0:
            break
        found.append(text[start + len(opening) : end])
        position = end + len(closing)
    return found


def last_line(text: str) -> str | None:
    """The last line that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else None
