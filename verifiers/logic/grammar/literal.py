"""JSON values, and the lists, tuples and dictionaries that Python writes, read without evaluating anything."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from verifiers.logic.grammar.text import MAX_DEPTH, Unreadable, plain, shown, unfenced, unquoted

MAX_ITEMS = 100_000

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>[+-]?(?:[0-9]{1,1000}(?:\.[0-9]{0,1000})?|\.[0-9]{1,1000})(?:[eE][+-]?[0-9]{1,3})?)(?![0-9A-Za-z_.])
    |(?P<word>true|false|null|True|False|None)(?![0-9A-Za-z_])
    |(?P<mark>[\[\](){},:]))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'"}
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_CLOSES = {"[": "]", "(": ")", "{": "}"}


def literal(text: str) -> Any:
    """Lists (and tuples), dictionaries with text for keys, text, numbers (int or Decimal), true, false, null.

    As it stands, or without LaTeX's wrappings. A key given twice is refused.
    """
    text = unfenced(text)
    text = unquoted(text) if text.startswith("`") else text
    try:
        return _whole(text)
    except Unreadable:
        without = plain(text)
        if without == text:
            raise
        return _whole(without)


def _whole(text: str) -> Any:
    reader = _Reader(text)
    value = reader.value(0)
    reader.end()
    return value


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._items = 0

    def value(self, depth: int) -> Any:
        kind, found = self._next()
        self._items += 1
        if self._items > MAX_ITEMS:
            raise Unreadable(f"more than {MAX_ITEMS} values")
        if kind == "text":
            return _unescaped(found)
        if kind == "number":
            return int(found) if found.lstrip("+-").isdigit() else Decimal(found)
        if kind == "word":
            return _WORDS[found]
        if depth >= MAX_DEPTH:
            raise Unreadable(f"brackets nested deeper than {MAX_DEPTH}")
        if found in "[(":
            return self._list(_CLOSES[found], depth)
        if found == "{":
            return self._dictionary(depth)
        raise Unreadable(f"found {found!r} where a value should stand")

    def _list(self, close: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not self._take(close):
            items.append(self.value(depth + 1))
            if not self._take(",") and not self._follows(close):
                raise Unreadable(f"found {self._rest()} where ',' or {close!r} should stand")
        return items

    def _dictionary(self, depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not self._take("}"):
            key = self.value(depth + 1)
            if isinstance(key, int) and not isinstance(key, bool):
                key = str(key)  # as Python writes it
            if not isinstance(key, str) or key in items or not self._take(":"):
                raise Unreadable(f"found the key {shown(str(key))}; keys are texts, each given once, before ':'")
            items[key] = self.value(depth + 1)
            if not self._take(",") and not self._follows("}"):
                raise Unreadable(f"found {self._rest()} where ',' or '}}' should stand")
        return items

    def end(self) -> None:
        if self._text[self._position :].strip():
            raise Unreadable(f"found {self._rest()} after the value")

    def _next(self) -> tuple[str, str]:
        token = _TOKEN.match(self._text, self._position)
        if token is None or token.lastgroup is None:
            raise Unreadable(f"found {self._rest()}, which is no list, text or number")
        self._position = token.end()
        return token.lastgroup, token[token.lastgroup]

    def _follows(self, mark: str) -> bool:
        token = _TOKEN.match(self._text, self._position)
        return token is not None and token["mark"] == mark

    def _take(self, mark: str) -> bool:
        token = _TOKEN.match(self._text, self._position)
        if token is None or token["mark"] != mark:
            return False
        self._position = token.end()
        return True

    def _rest(self) -> str:
        return shown(self._text[self._position : self._position + 50].strip()) if self._text else "nothing"


def _unescaped(quoted: str) -> str:
    def character(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPES.get(code, match[0])

    inner = quoted[1:-1]
    if "\\" not in inner:
        return inner
    pairs = _ESCAPE.sub(character, inner)  # JSON writes what is beyond U+FFFF as two halves
    return pairs.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
