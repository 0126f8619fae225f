"""The words of a response that are language: without code, formulas, addresses and tags. One pass, linear time."""

from __future__ import annotations

import re

_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
)
_ENVIRONMENTS = (
    "equation|align|alignat|aligned|gather|gathered|multline|split|eqnarray|array|cases|matrix|pmatrix|bmatrix|vmatrix|"
    "Bmatrix|Vmatrix|smallmatrix|math|displaymath|tabular|verbatim|lstlisting|tikzpicture|asy"
)
_OPENING = re.compile(rf"```|\[asy\]|~~~|`|\$\$|\$|\\\(|\\\[|\\begin\{{((?:{_ENVIRONMENTS})\*?)\}}|\\.")
_CLOSING = {"\\(": "\\)", "\\[": "\\]", "[asy]": "[/asy]"}
_WITHIN_A_LINE = frozenset({"`", "$"})
_NO_WORDS = re.compile(r"(?:https?://|www\.)\S+|</?[A-Za-z][^<>\n]{0,40}>|\\[A-Za-z]+")
_WORD = re.compile(rf"[^\W\d_][^\W\d_{_MARKS}]*(?:[{_MARKS}]+[^\W\d_{_MARKS}]*)*")


def prose(text: str) -> str:
    """`text` without code, LaTeX, web addresses and tags, a space in the place of each. What is opened and not closed
    is text; code in one backtick and formulas in one dollar end on their line."""
    return parted(text)[0]


def parted(text: str) -> tuple[str, str]:
    """The prose of `text`, and what is none."""
    kept, removed, start, position = [], [], 0, 0
    closings = _Closings(text)
    while (opening := _OPENING.search(text, position)) is not None:
        position = opening.end()
        end = closings.after(opening)
        if end is not None:
            kept.append(text[start : opening.start()])
            removed.append(text[opening.start() : end])
            start = position = end
    rest = " ".join([*kept, text[start:]])
    return _NO_WORDS.sub(" ", rest), " ".join([*removed, *_NO_WORDS.findall(rest)])


class _Closings:
    """Where what is opened ends. What was looked for in vain is not looked for again: the text is read once for each
    kind, however often it is opened."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._absent: set[str] = set()
        self._line_end = -1

    def after(self, opening: re.Match[str]) -> int | None:
        """The end of what `opening` begins; None where it ends nowhere, and for a command or an escaped character."""
        mark, start = opening.group(), opening.end()
        if mark[0] == "\\" and mark not in _CLOSING and opening[1] is None:
            return None
        closing = f"\\end{{{opening[1]}}}" if opening[1] else _CLOSING.get(mark, mark)
        if closing in self._absent:
            return None
        limit = self._end_of_line(start) if mark in _WITHIN_A_LINE else len(self._text)
        end = self._text.find(closing, start, limit)
        if end >= 0:
            return end + len(closing)
        if limit == len(self._text):
            self._absent.add(closing)
        return None

    def _end_of_line(self, position: int) -> int:
        if self._line_end < position:
            found = self._text.find("\n", position)
            self._line_end = found if found >= 0 else len(self._text)
        return self._line_end


def letters_of(text: str) -> list[str]:
    """The runs of letters in `text`, with the marks that belong to them."""
    return _WORD.findall(text)
