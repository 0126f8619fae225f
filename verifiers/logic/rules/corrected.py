"""Tasks whose entries do not always carry the right answer: it is worked out here, from what the question says.

Of 210 entries each reasoning-gym 0.1.25 answers wrongly: mahjong_puzzle 38 (it draws a card at random and calls the
round Pass, or Chi where Peng has precedence), syllogism 37 (a middle term that is not distributed),
polynomial_equations 3 (real roots that sympy writes with complex terms are left out), time_intervals 14 (a weekday in
brackets before the time of day, or a millisecond lost).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from verifiers.logic.grammar.arithmetic import evaluate
from verifiers.logic.grammar.numbers import decimal
from verifiers.logic.grammar.text import Unreadable, one_line, shown
from verifiers.logic.grammar.words import choice
from verifiers.logic.rule import Entry, Judged, Rule, right_if, wrong
from verifiers.logic.rules.algebras import Polynomials
from verifiers.logic.rules.roots import real_roots
from verifiers.logic.rules.values import close, rounds


def _worked_out(read: Callable[[str, Entry], Any], answer: Callable[[Entry], str]) -> Rule[Any]:
    def judge(value: Any, entry: Entry) -> Judged:
        return right_if(value == read(answer(entry), entry), "another answer")

    return Rule(read, judge, answer)


def _mahjong(entry: Entry) -> str:
    """The last round's result, by the question's rules 3 to 6."""
    rounds = entry["rounds"]
    if len(rounds) > 1:
        cards = rounds[-2]["cards"]
    else:
        found = re.search(r"initial cards ([A-Z]+)", entry.question)
        if not found:
            raise ValueError("metadata.entry: the question does not name the initial cards")
        cards = found[1]
    new = rounds[-1]["add"]
    if cards.count(new) >= 2:
        return "Peng"
    around = ((-2, -1), (-1, 1), (1, 2))
    return "Chi" if any(all(chr(ord(new) + step) in cards for step in pair) for pair in around) else "Pass"


MAHJONG = _worked_out(lambda text, entry: choice(text, ("Peng", "Chi", "Pass")), _mahjong)

_STATEMENT = re.compile(r"(All|No|Some) (\w+) are (not )?(\w+)")
Statement = tuple[str, int, int]


def _syllogism(entry: Entry) -> str:
    """Yes where the conclusion holds in every world in which both premises do and something is of every kind.

    A world is a set of the eight ways to be of three kinds or not.
    """
    kinds: dict[str, int] = {}
    premises = [_statement(entry[key], kinds) for key in ("premise1", "premise2")]
    conclusion = _statement(entry["conclusion"], kinds)
    if len(kinds) > 3:
        raise ValueError(f"metadata.entry: a syllogism of {len(kinds)} kinds")
    for world in range(1, 1 << 8):
        members = [member for member in range(8) if world >> member & 1]
        inhabited = all(any(member >> kind & 1 for member in members) for kind in range(len(kinds)))
        if inhabited and all(_holds(p, members) for p in premises) and not _holds(conclusion, members):
            return "No"
    return "Yes"


def _statement(text: str, kinds: dict[str, int]) -> Statement:
    found = _STATEMENT.fullmatch(text)
    if not found:
        raise ValueError(f"metadata.entry: {text!r} is not of the form 'All … are …'")
    subject, predicate = (kinds.setdefault(found[group], len(kinds)) for group in (2, 4))
    return found[1] + (" not" if found[3] else ""), subject, predicate


def _holds(statement: Statement, members: list[int]) -> bool:
    form, subject, predicate = statement
    those = [member >> predicate & 1 for member in members if member >> subject & 1]
    return {"All": all(those), "No": not any(those), "Some": any(those), "Some not": not all(those)}[form]


SYLLOGISM = _worked_out(lambda text, entry: choice(text, ("Yes", "No")), _syllogism)

_DURATION = re.compile(
    r"(?:(?P<days>(?:-(?=[1-9]))?[0-9]{1,7})(?: days?)?(?:,\s?|$))?"
    r"(?:(?P<h>[0-9]{1,5}):(?P<m>[0-5]?[0-9])(?::(?P<s>[0-5]?[0-9])(?:\.(?P<ms>[0-9]{3}))?)?)?"
)
_PARTS = {
    "HH:MM": ("h", "m"),
    "HH:MM:SS": ("h", "m", "s"),
    "HH:MM:SS.mmm": ("h", "m", "s", "ms"),
    "D days": ("days",),
    "D days, HH:MM": ("days", "h", "m"),
    "D days, HH:MM:SS": ("days", "h", "m", "s"),
}
_FULL = "%Y-%m-%d (%A) %H:%M:%S %z"


def _duration(text: str, entry: Entry) -> tuple[int, ...]:
    line = one_line(text)
    wanted = _PARTS[entry["expected_format"]]
    found = _DURATION.fullmatch(line)
    if not found or tuple(part for part in _DURATION.groupindex if found[part] is not None) != wanted:
        raise Unreadable(f"found {shown(line)}, which is not of the form {entry['expected_format']}")
    return tuple(int(found[part]) for part in wanted)


def _elapsed(entry: Entry) -> str:
    """The entry's own answer; worked out where a weekday stands in the way, and of times of day (a float's error there
    may cost a millisecond)."""
    if entry["format"] == _FULL:
        times = re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2} \([A-Za-z]+\) [0-9:]{8} [+-][0-9]{4}", entry.question)
        start, end = (datetime.strptime(time, _FULL) for time in times)
        return _written(end - start, entry["expected_format"])
    if entry["task_type"].startswith("time"):
        start, end = (datetime.fromisoformat(entry[key]) for key in ("start_time", "end_time"))
        return _written((end - start) % timedelta(days=1), entry["expected_format"])
    return entry.gold


def _written(elapsed: timedelta, form: str) -> str:
    hours, rest = divmod(elapsed.seconds, 3600)
    values = {"days": str(elapsed.days), "h": f"{hours:02d}", "m": f"{rest // 60:02d}", "s": f"{rest % 60:02d}"}
    parts = _PARTS[form]
    clock = ":".join(values[part] for part in parts if part in ("h", "m", "s"))
    clock += f".{elapsed.microseconds // 1000:03d}" if "ms" in parts else ""
    return ", ".join(filter(None, [f"{values['days']} days" if "days" in parts else "", clock]))


DURATION = _worked_out(_duration, _elapsed)


def _roots(text: str, entry: Entry) -> list[Decimal]:
    line = one_line(text)
    if line in ("", '""', "''"):
        return []
    if len(line) > 2 and line[0] + line[-1] in ("{}", "[]") and line[1:-1].strip():
        line = line[1:-1]
    name = re.escape(entry["variable"])
    parts = [re.sub(rf"^\s*{name}\s*=", "", part) for part in line.split(",")]
    if len(parts) > 100:
        raise Unreadable(f"{len(parts)} numbers")
    return sorted(decimal(part) for part in parts)


def _true_roots(entry: Entry) -> list[Fraction]:
    names = [entry["variable"]]
    terms = entry.readable(partial(evaluate, algebra=Polynomials(names), names=names), entry["polynomial_expr"]).terms
    return real_roots({exponents[0]: factor for exponents, factor in terms.items()})


def _same_roots(value: list[Decimal], entry: Entry) -> Judged:
    """Every real root once, each rounded to 4 places or more, or cut to 4, as the question may be read."""
    wanted = _true_roots(entry)
    if len(value) != len(wanted):
        return wrong(f"{len(value)} roots, not {len(wanted)}")
    near = all(_is_root(found, root, entry.tolerance) for found, root in zip(value, wanted, strict=True))
    return right_if(near, "another root")


def _is_root(value: Decimal, root: Fraction, tolerance: Fraction) -> bool:
    cut = math.trunc(root * 10_000)
    return rounds(value, root, 4, trusted=8) or Fraction(value) * 10_000 == cut or close(value, root, tolerance)


def _written_roots(entry: Entry) -> str:
    return ", ".join(f"{float(root):.4f}" for root in _true_roots(entry))


ROOTS = Rule(_roots, _same_roots, _written_roots)
