"""From normalised text to tokens. One pass; brackets are matched here, so that the parser never searches."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifiers.math.limits import UnreadableError, check_depth
from verifiers.math.unit_words import BARE_UNITS
from verifiers.math.units import factors
from verifiers.math.vocabulary import (
    BEGINS_WITH_FUNCTION,
    CURRENCIES,
    FUNCTIONS,
    GREEK,
    PERCENTS,
    PLAIN_GREEK,
    SHORT_WORDS,
    SYNONYMS,
    TEXT_COMMANDS,
)

_TOKEN = re.compile(
    r"(?P<number>(?:\d+(?:\.\d+|\.(?![\d.]))?|\.\d+)(?:[eE][+-]?\d{1,5}(?![\d.^]))?)"
    r"|(?P<command>\\(?:[A-Za-z]+\*?|.))|(?P<word>[A-Za-z]+)|(?P<space>\s+)"
    r"|(?P<sign><=|>=|!=|==|=<|=>|<>|~=|:=|\*\*)|(?P<char>.)",
    re.DOTALL,
)
_SPLIT_WORD = re.compile(r"(or|and)([A-Za-z]|[A-Z]{2})")
_MATH_INSIDE = re.compile(r"[0-9=+*/^\\<>]|\b(?:or|and)\b|^\(.+\)$")
OPENING = {"(": ")", "[": "]", "{": "}", "\\{": "\\}", "\\langle": "\\rangle", "\\lfloor": "\\rfloor"}
OPENING |= {"\\lceil": "\\rceil", "\\lbrace": "\\rbrace", "\\lbrack": "\\rbrack", "\\lvert": "\\rvert"}
OPENING |= {"\\lVert": "\\rVert", "\\begin": "\\end"}
_CLOSING = frozenset(OPENING.values())
_PAIRS = frozenset(("and", "or"))
_CONSTANT_TEXT = {"e": "e", "i": "i", "pi": "\\pi"}
_SAME_COMMAND = {
    "\\lbrace": "\\{", "\\rbrace": "\\}", "\\lbrack": "[", "\\rbrack": "]", "\\varnothing": "\\emptyset",
    "\\bullet": "\\cdot", "\\ast": "*", "\\colon": ":", "\\vert": "|", "\\mid": "|", "\\Vert": "\\|", "\\lor": "or",
    "\\vee": "or", "\\land": "and", "\\wedge": "and", "\\percent": "%", "\\%": "%", "\\dbinom": "\\binom",
    "\\tbinom": "\\binom", "\\choose": "\\choose", "\\exponentialE": "e", "\\imath": "i", "\\jmath": "j",
    "\\backslash": "\\setminus", "\\degree": "\\circ", "\\#": "#", "\\&": "&", "\\prime": "'", "\\lg": "\\log",
    "\\slash": "/", "\\cdotp": "\\cdot", "\\_": "_", "\\minus": "-", "\\lparen": "(", "\\rparen": ")",
}  # fmt: skip


@dataclass(slots=True)
class Token:
    """kind: number, command, letter, text (the content of \\text{…} or a plain word), or char. spaced: a space stood
    before it. match: of a bracket, the index of its partner."""

    kind: str
    text: str
    spaced: bool = False
    match: int = -1


def tokens(normalised: str) -> list[Token]:
    """Raises UnreadableError where brackets do not match, RefusedError where they nest too deeply."""
    found: list[Token] = []
    _scan(normalised, found, 0)
    _match_brackets(found)
    return found


def _scan(text: str, found: list[Token], depth: int) -> None:
    check_depth(depth)
    spaced, position = False, 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None  # `char` takes anything
        position, kind, value = token.end(), token.lastgroup, token.group()
        if kind == "space":
            spaced = True
            continue
        if kind == "command" and value[1:].rstrip("*") in TEXT_COMMANDS:
            start, end = _argument(text, position)
            _add_text(text[start:end].strip(), found, spaced, depth)
            position = end + (text[start - 1] == "{")
        elif kind == "word":
            _add_word(value, found, spaced)
        elif kind in ("number", "sign"):
            found.append(Token("number" if kind == "number" else "char", value, spaced))
        else:
            value = _SAME_COMMAND.get(value, value)
            if value in _PAIRS:
                found.append(Token("text", value, spaced))
            elif value.isascii() and value.isalpha():
                found.append(Token("letter", value, spaced))
            elif not value.isascii() and value.isalpha():
                _add_foreign(value, found, spaced)
            else:
                found.append(Token("command" if value.startswith("\\") else "char", value, spaced))
        spaced = False


def _argument(text: str, position: int) -> tuple[int, int]:
    """Where the argument of a text command stands: its group without the braces, or one character."""
    while text[position : position + 1] == " ":
        position += 1
    if text[position : position + 1] != "{":
        return position, min(position + 1, len(text))
    depth = 0
    for index in range(position, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return position + 1, index
    raise UnreadableError("a brace that is not closed")


def _add_text(content: str, found: list[Token], spaced: bool, depth: int) -> None:
    """Mathematics in a text command is mathematics; a single letter is one; the rest is text."""
    if not content:
        return
    if content == "min" and found and (found[-1].kind == "number" or found[-1].text in (")", "}", "\\pi")):
        found.append(Token("text", content, True))  # minutes
    elif content in FUNCTIONS or content in SYNONYMS:
        found.append(Token("command", "\\" + content, spaced))
    elif content in _CONSTANT_TEXT:
        _scan(_CONSTANT_TEXT[content], found, depth + 1)
    elif content.casefold() in _PAIRS:
        found.append(Token("text", content.casefold(), spaced))
    elif factors(content) is not None:
        found.append(Token("text", content, True))
    elif _MATH_INSIDE.search(content):
        _scan(content, found, depth + 1)
    else:
        found.append(Token("text", content, True))


def _add_word(word: str, found: list[Token], spaced: bool) -> None:
    """A plain run of letters: a function, a Greek letter, a word, or a product of variables."""
    low = word.lower()
    split = _SPLIT_WORD.fullmatch(word) if low not in SHORT_WORDS else None
    begins = BEGINS_WITH_FUNCTION.fullmatch(word)
    if low in ("and", "or"):
        found.append(Token("text", low, spaced))
    elif len(word) == 2 and word.isupper() and word not in BARE_UNITS and word not in PLAIN_GREEK:
        found.extend(Token("letter", c, spaced and i == 0) for i, c in enumerate(word))  # a segment: NO, ON
    elif word in FUNCTIONS or word in SYNONYMS:
        found.append(Token("command", "\\" + word, spaced))
    elif low in ("sqrt", "cbrt"):
        found.append(Token("command", "\\surd" if low == "sqrt" else "\\cbrt", spaced))
    elif low in ("infinity", "inf", "oo", "infty"):
        found.append(Token("command", "\\infty", spaced))
    elif word in PLAIN_GREEK or word == "pi":
        found.append(Token("command", "\\" + word, spaced))
    elif split is not None:
        found.append(Token("text", split[1], spaced))
        found.extend(Token("letter", c) for c in split[2])
    elif begins is not None:
        _add_word(begins[1], found, spaced)
        found.extend(Token("letter", c) for c in begins[2])
    elif (
        len(word) > 1
        and (word in BARE_UNITS or low in PERCENTS or low in SHORT_WORDS or low in CURRENCIES or low == "deg")
    ) or (len(word) > 3 and not word.isupper()):
        found.append(Token("text", word, spaced))
    else:
        found.extend(Token("letter", c, spaced and i == 0) for i, c in enumerate(word))


def _add_foreign(char: str, found: list[Token], spaced: bool) -> None:
    if found and found[-1].kind == "text" and not spaced and not found[-1].text.isascii():
        found[-1].text += char
    else:
        found.append(Token("text", char, spaced))


def _match_brackets(found: list[Token]) -> None:
    """Give each bracket its partner. `(` and `[` may close each other: half-open intervals."""
    waiting: list[int] = []
    for index, token in enumerate(found):
        if token.kind not in ("char", "command"):
            continue
        if token.text in OPENING:
            waiting.append(index)
            check_depth(len(waiting))
        elif token.text in _CLOSING:
            if not waiting:
                raise UnreadableError(f"{token.text!r} closes nothing")
            opener = waiting.pop()
            opening = found[opener].text
            if token.text != OPENING[opening] and not (opening in ("(", "[") and token.text in (")", "]")):
                raise UnreadableError(f"{opening!r} closed by {token.text!r}")
            found[opener].match, token.match = index, opener
    if waiting:
        raise UnreadableError(f"{found[waiting[-1]].text!r} is not closed")


def is_label(token: Token) -> bool:
    return token.kind == "text" and token.text not in _PAIRS


def known_greek(token: Token) -> bool:
    return token.kind == "command" and token.text[1:] in GREEK
