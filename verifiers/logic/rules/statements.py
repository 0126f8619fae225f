"""What follows from statements: conclusions by truth table, knights and knaves by who they are."""

from __future__ import annotations

import re

from verifiers.logic.grammar.formula import Formula, everything, formula
from verifiers.logic.grammar.text import Unreadable, one_line, shown
from verifiers.logic.rule import RIGHT, Entry, Judged, Rule, right_if, wrong


def _formula(text: str, entry: Entry) -> Formula:
    return formula(text, entry["variables"])


def _premises(entry: Entry) -> list[Formula]:
    return [entry.readable(lambda text: _formula(text, entry), premise) for premise in entry["premises"]]


def _follows(value: Formula, entry: Entry) -> Judged:
    """True in every valuation that makes all premises true, false in some other, and more than premises said again."""
    premises = {premise.truth for premise in _premises(entry)}
    together = possible = everything(entry["variables"])
    for premise in premises:
        together &= premise
    if together & ~value.truth:
        return wrong("it does not follow")
    if value.truth == possible:
        return wrong("true whatever the premises say")
    return right_if(not _is_said(value, premises), "a premise, or several, said again")


def _is_said(value: Formula, premises: set[int]) -> bool:
    """Whether it is worth a premise in every valuation, or is a conjunction of such."""
    return value.truth in premises or (value.sign == "∧" and all(_is_said(part, premises) for part in value.parts))


def _conclusion(entry: Entry) -> str | None:
    """The generator's example, or a conclusion of ours where that one does not follow or is a premise; None if there is
    none."""
    candidates = [entry["example_answer"], *_candidates(entry)]
    for text in candidates:
        if _follows(_formula(text, entry), entry) == RIGHT:
            return text
    return None


def _candidates(entry: Entry) -> list[str]:
    signed = [sign + letter for letter in entry["variables"] for sign in ("", "¬")]
    pairs = [(a, b) for a in signed for b in signed if a[-1] < b[-1]]
    return [*signed, *(f"{a} {sign} {b}" for sign in "∨∧↔" for a, b in pairs)]


def _nothing_follows(entry: Entry) -> str | None:
    return None if _conclusion(entry) else "nothing follows from the premises but themselves and what is always true"


CONCLUSION = Rule(_formula, _follows, _conclusion, _nothing_follows)

_CLAIM = re.compile(r"([A-Z][a-z]+)\s*(?:is an?|is|:|=)\s*([A-Za-z]+)")
_BULLET = re.compile(r"^[ \t]*(?:[-*•]|[0-9]{1,3}[.)])[ \t]+", re.MULTILINE)
_BETWEEN = re.compile(r"[\s,;.]*(?:and\b)?\s*")


def _roles(text: str, entry: Entry) -> dict[str, bool]:
    """Every name, and whether its bearer tells the truth."""
    terms = {entry["knight_knave_terms"]["knight"]: True, entry["knight_knave_terms"]["knave"]: False}
    line = one_line(_BULLET.sub("", text))
    found: dict[str, bool] = {}
    position = 0
    while position < len(line):
        claim = _CLAIM.match(line, position)
        if not claim or claim[1] not in entry["names"] or claim[1] in found or claim[2].lower() not in terms:
            raise Unreadable(f"found {shown(line[position:])} where a name and a role should stand")
        found[claim[1]] = terms[claim[2].lower()]
        between = _BETWEEN.match(line, claim.end())
        assert between is not None
        position = between.end()
    if set(found) != set(entry["names"]):
        raise Unreadable(f"found roles of {len(found)} people, not of {len(entry['names'])}")
    return found


def _same_roles(value: dict[str, bool], entry: Entry) -> Judged:
    wanted = dict(zip(entry["names"], entry["solution"], strict=True))
    return right_if(value == wanted, "another role")


KNIGHTS_KNAVES = Rule(_roles, _same_roles)
