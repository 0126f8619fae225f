"""Plain text out of an answer as models write it: LaTeX wrappings, typographic signs and invisible characters removed.

`plain` takes nothing away that could be part of an answer: what it does not know stays, and the shape's own parser then
refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_MARKS = 4
"""Layers of markdown and the like around an answer."""
MAX_DEPTH = 50
"""Of brackets within brackets, in every grammar."""


class Unreadable(ValueError):  # noqa: N818 - what is said of an answer, not of a program
    """The text is not of the wanted shape; the message says what was found."""


_WRAPPERS = (
    "text|textrm|textbf|textit|texttt|textsf|textnormal|mathrm|mathbf|mathit|mathtt|mathsf|mathbb|mbox|operatorname|"
    "boldsymbol|displaystyle|textstyle|boxed|fbox"
)
_TOKEN = re.compile(
    rf"""(?P<wrapper>\\(?:{_WRAPPERS})(?![A-Za-z])\s*(?P<brace>\{{)?)
    |(?P<environment>\\(?:begin|end)\s*\{{[A-Za-z]{{1,20}}\*?\}}(?:\{{[lcr|\s]{{0,200}}\}})?)
    |(?P<command>\\[A-Za-z]+)
    |(?P<escaped>\\.)
    |(?P<degree>\^\s*(?:\{{\s*\\circ\s*\}}|\\circ(?![A-Za-z])))
    |(?P<open>\{{)|(?P<close>\}})|(?P<dollar>\$)""",
    re.VERBOSE | re.DOTALL,
)
_COMMANDS = {
    "times": "×",
    "cdot": "·",
    "ast": "*",
    "div": "÷",
    "to": "→",
    "rightarrow": "→",
    "longrightarrow": "→",
    "Rightarrow": "→",
    "implies": "→",
    "leftrightarrow": "↔",
    "Leftrightarrow": "↔",
    "iff": "↔",
    "land": "∧",
    "wedge": "∧",
    "lor": "∨",
    "vee": "∨",
    "neg": "¬",
    "lnot": "¬",
    "lt": "<",
    "gt": ">",
    "degree": "°",
    "newline": "\n",
    "quad": " ",
    "qquad": " ",
    "left": "",
    "right": "",
    "big": "",
    "Big": "",
    "bigl": "",
    "bigr": "",
    "limits": "",
    "dfrac": "\\frac",
    "tfrac": "\\frac",
    "cfrac": "\\frac",
}
_ESCAPED = {"\\": "\n", ",": " ", ";": " ", ":": " ", " ": " ", "!": "", "(": "", ")": "", "[": "", "]": ""} | {
    sign: sign for sign in "#$%&_{}"
}
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\ufe0e\ufe0f"), None)
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u200a\u202f\u3000"), " ")
_SIGNS = {ord("−"): "-", ord("–"): "-", ord("﹣"): "-", ord("－"): "-", ord("＋"): "+", ord("⁄"): "/"}
_TABLE = {**_INVISIBLE, **_SPACES, **_SIGNS, ord("\r"): None}


def plain(text: str) -> str:
    """`text` without LaTeX's wrappings: `\\text{on}` is `on`, `$2 \\times 3$` is `2 × 3`, `\\\\` ends a line.

    Commands that mean more (`\\frac`, `\\sqrt`, `\\sin`) stay for the parsers that know them.
    """
    out: list[str] = []
    dropped: list[bool] = []  # of each open brace, whether it belonged to a wrapper
    position = 0
    text = text.translate(_TABLE)
    for token in _TOKEN.finditer(text):
        out.append(text[position : token.start()])
        position = token.end()
        out.append(_replaced(token, dropped))
    out.append(text[position:])
    return "".join(out).strip()


def _replaced(token: re.Match[str], dropped: list[bool]) -> str:
    found = token.group()
    match token.lastgroup:
        case "wrapper":
            if token["brace"]:
                dropped.append(True)
            found = ""
        case "environment":
            found = " "
        case "command":
            found = _COMMANDS.get(found[1:], found)
        case "escaped":
            found = _ESCAPED.get(found[1:], found)
        case "degree":
            found = "°"
        case "open":
            dropped.append(False)
        case "close":
            found = "" if dropped and dropped.pop() else found
        case "dollar":
            found = ""
    return found


def one_line(text: str) -> str:
    """Plain text with every run of white space as one space."""
    return " ".join(plain(text).split())


_FENCE = re.compile(r"```[a-z]*[ \t]*\n(.*?)\n?```", re.DOTALL)


def unfenced(text: str) -> str:
    """`text` without a code fence around all of it."""
    found = _FENCE.fullmatch(text.strip())
    return found[1] if found else text.strip()


def unmarked(text: str) -> Iterator[str]:
    """`text` with less and less around all of it: a code fence, `**…**`, quotation marks, a full stop."""
    for _ in range(MAX_MARKS):
        less = _less_marked(text.strip())
        if less == text:
            return
        yield less
        text = less


def _less_marked(text: str) -> str:
    if (bare := unfenced(text)) != text:
        return bare
    for mark in ("**", "__"):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark) and text.count(mark) == 2:
            return text[len(mark) : -len(mark)].strip()
    if (bare := unquoted(text)) != text and not set(bare) & {text[0], text[-1]}:
        return bare
    return text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text


def unquoted(text: str) -> str:
    """`text` without quotation marks around all of it."""
    pairs = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}
    while len(text) > 1 and pairs.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text


def shown(text: str, limit: int = 40) -> str:
    """For messages: the beginning of what was found, quoted."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")
