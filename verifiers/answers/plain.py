"""From LaTeX and markdown to the line of text that it shows. Linear time, and no evaluation of any kind.

`\\mathrm{kg\\,m^2/s^2}` is `kg m^2/s^2`, `1{,}000` is `1,000`, `\\tfrac12` is `(1)/(2)`, `**B**` is `B`, `10⁸` is
`10^(8)`. Letters of other alphabets that look like Latin ones stay what they are: a Cyrillic А is not the letter A.
"""

from __future__ import annotations

import re
import unicodedata

from verifiers.answers.latex import CHARACTERS, FRACTIONS, NARROW, SHOWN, SUPERSCRIPTS, WRAPPERS

MAX_DEPTH = 24

_SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
_TOKEN = re.compile(r"\\[A-Za-z]+ ?|\\! ?|\\.|[{}$~^]|[^\\{}$~^]+|\\")
_WRAPPED = re.compile(r"(\*\*|__|`|\*)(.+)\1")
_DEGREE = re.compile(r"\^ ?(?:\( ?° ?([CF]?) ?\)|°)")
_TILDE_FIRST = re.compile(r"(?:[\s${]|\\[A-Za-z]{1,20}\{|\\[^A-Za-z])*+~")
_LOOSE_NARROW = re.compile(rf"(?<![0-9]){NARROW}|{NARROW}(?![0-9])")


class TooDeepError(ValueError):
    """A text whose braces nest deeper than MAX_DEPTH."""


def plain(text: str) -> str:
    """The line of text that `text` shows; `~` is a space but at its beginning, where it may be a not. Raises
    TooDeepError."""
    text = _unmarked(visible(text))
    shown = _DEGREE.sub(r"°\1", _Reader(text).sequence(0))
    shown = " ".join(part for part in _LOOSE_NARROW.sub(" ", shown).split(" ") if part)
    if _TILDE_FIRST.match(text):
        shown = f"~{shown}"
    return shown[:-1].rstrip() if shown.endswith(".") and not shown.endswith("..") else shown


def visible(text: str) -> str:
    """`text` on one line, its digits as ASCII, one kind of minus, and nothing that does not show (joiners, marks of
    direction, controls)."""
    text = text.translate(CHARACTERS)
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable() or unicodedata.category(c) == "Zs")
    if text.isascii():
        return text
    text = "".join(map(_ascii, text))
    return _SUPERSCRIPT_RUN.sub(lambda run: f"^{{{run.group().translate(SUPERSCRIPTS)}}}", text)


def _ascii(char: str) -> str:
    code = ord(char)
    if code < 128:
        return char
    if 0xFF01 <= code <= 0xFF5E:  # full-width forms
        return chr(code - 0xFEE0)
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    if kind == "Zs":
        return " " if char == "\u3000" else NARROW
    return _vulgar(char) if kind == "No" else char


def _vulgar(char: str) -> str:
    """`\\frac{1}{2}` for ½; circled numbers and the like as they are."""
    top, _, bottom = unicodedata.normalize("NFKC", char).partition("⁄")
    return f"\\frac{{{top}}}{{{bottom}}}" if top and bottom else char


def _unmarked(text: str) -> str:
    """Without markdown's marks around the whole of it."""
    text = text.strip()
    while (found := _WRAPPED.fullmatch(text)) and found[1] not in found[2]:
        text = found[2].strip()
    return text


class _Reader:
    """One pass over the tokens. Dollar signs are TeX's where they come in pairs, and money where one is left over."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self._money = self._tokens.count("$") % 2 == 1

    def sequence(self, depth: int) -> str:
        """Up to the brace that closes this group, or the end. A brace that closes none is a character."""
        if depth > MAX_DEPTH:
            raise TooDeepError(f"braces nested deeper than {MAX_DEPTH}")
        parts: list[str] = []
        after_word = False
        while self._at < len(self._tokens):
            found = self._next()
            if found == "}" and depth > 0:
                break
            is_word = found[0] == "\\" and found[1:].rstrip(" ") in WRAPPERS
            shown = self._shown(found, depth)
            # `\mathrm{kg}\mathrm{m}` shows two units, though TeX sets no space between them; `\mathrm{k}\Omega` is one.
            if after_word and is_word and parts[-1][-1:].isalpha() and shown[:1].isalpha():
                parts.append(" ")
            after_word = is_word
            parts.append(shown)
        return "".join(parts)

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _shown(self, found: str, depth: int) -> str:
        """What a token shows, with the arguments that it takes."""
        if found == "{":
            return self.sequence(depth + 1)
        if found == "^":
            is_braced = self._at < len(self._tokens) and self._tokens[self._at] == "{"
            return f"^({self._argument(depth)})" if is_braced else "^"
        if found[0] == "\\":
            return self._command(found, depth)
        return {"$": "$" if self._money else "", "~": NARROW}.get(found, found)

    def _command(self, found: str, depth: int) -> str:
        """One that is not known stays as it is written."""
        name = found[1:].rstrip(" ")
        if name in WRAPPERS:
            return self._argument(depth)
        if name in FRACTIONS:
            return f"({self._argument(depth)})/({self._argument(depth)})"
        return SHOWN.get(name, found)

    def _argument(self, depth: int) -> str:
        """A braced group, or the next character as in `\\frac12`."""
        while self._at < len(self._tokens) and not self._tokens[self._at].strip(" "):
            self._at += 1
        if self._at == len(self._tokens):
            return ""
        found = self._next()
        if found == "{":
            return self.sequence(depth + 1)
        if found[0] == "\\":
            if depth >= MAX_DEPTH:
                raise TooDeepError(f"commands nested deeper than {MAX_DEPTH}")
            return self._shown(found, depth + 1)
        first, rest = found.lstrip(" ")[0], found.lstrip(" ")[1:]
        if rest:
            self._at -= 1
            self._tokens[self._at] = rest
        return first
