"""`k\\pi, k\\in\\mathbb{Z}`: a condition after an answer that only says over what a name of it runs."""

from __future__ import annotations

import re

from verifiers.math.vocabulary import names

_MEMBER = re.compile(r"[,; ]*\(?(?:\\text\{ ?(?:where|for|with) ?\})?([A-Za-z])\\in ?\\mathbb ?\{?([ZRNQC])\}?\)?$")
_TAIL = re.compile(r"[,; ]*\(?(?:\\(?:text|mbox|textrm|mathrm)\{[ ,(]*|(?<=[ ,;(]))(?:for|where|with)(?![A-Za-z])(.*)$")
_QUIET = names("all any every some each an a arbitrary real reals integer integers constant constants number numbers "
               "is natural in and the")  # fmt: skip
_TOKEN = re.compile(
    r"\\in(?![A-Za-z])|\\mathbb ?\{?[ZRNQC]\}?|\\(?:text|mbox|textrm|mathrm)(?![A-Za-z])|[A-Za-z]+|[^\s{}()]"
)
_TEXT = ("\\text", "\\mbox", "\\textrm", "\\mathrm")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_RESTRICTED = re.compile(r"[<>]|\\(?:le|ge|leq|geq|lt|gt|leqslant|geqslant|in|ne|neq)(?![A-Za-z])")


def without_condition(normalised: str) -> str | None:
    """The answer before a condition that is no part of it; None where there is none.

    `x>0, x\\in\\mathbb{Z}` keeps its condition: it says which of the numbers are meant.
    """
    found = _MEMBER.search(normalised)
    if found is not None:
        head = normalised[: found.start()]
        if found[2] != "R" and _RESTRICTED.search(head):
            return None
        return head if _holds(head, found[1]) else None
    found = _TAIL.search(normalised)
    return None if found is None else _without_tail(normalised[: found.start()], found[1])


def _without_tail(head: str, tail: str) -> str | None:
    said = [part for part in _TOKEN.findall(tail) if part not in _TEXT]
    variables = [part for part in said if len(part) == 1 and part.isalpha() and part != "a"]
    others = [
        part for part in said if part not in variables and not part.startswith("\\") and part.casefold() not in _QUIET
    ]
    if others or len(variables) != 1 or not _holds(head, variables[0]):
        return None
    if _RESTRICTED.search(head) and any(part.startswith(("integer", "natural", "\\mathbb")) for part in said):
        return None
    return head


def _holds(head: str, name: str) -> bool:
    return name in _COMMAND.sub("", head)
