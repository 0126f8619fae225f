"""Sets of real numbers as unions of intervals: `(0,1]\\cup\\{2\\}`, `|x|<3`, `\\mathbb{R}\\setminus\\{3\\}`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from verifiers.math.nodes import INFINITY, Call, Group, Node, Relation, Symbol, integer, negative, symbols
from verifiers.math.numeric import real_value
from verifiers.math.relations import is_name
from verifiers.math.vocabulary import FLIPPED

Same = Callable[[Node, Node], bool]
REALS = Symbol("\\mathbb{R}")


@dataclass(frozen=True, slots=True)
class Interval:
    """low, high: the ends as written, with their values for ordering. A point has two closed ends that are the same."""

    low: Node
    low_closed: bool
    high: Node
    high_closed: bool
    low_value: float
    high_value: float


RealSet = tuple[Interval, ...]


def same_set(left: Node, right: Node, same: Same) -> bool | None:
    """None where one of them is no set of real numbers; `same` compares two ends."""
    one, two = real_set(left), real_set(right)
    if one is None or two is None:
        return None
    return len(one) == len(two) and all(
        a.low_closed == b.low_closed and a.high_closed == b.high_closed and same(a.low, b.low) and same(a.high, b.high)
        for a, b in zip(one, two, strict=True)
    )


def same_conditions(left: Group, right: Group, same: Same) -> bool | None:
    """Of two lists of inequalities that differ in `and`, `or` and comma. None where neither holds an inequality, or
    where a comma beside the word leaves it open."""
    if not any(_is_inequality(item) for group in (left, right) for item in group.items):
        return None
    known = same_set(left, right, same)
    if known is None:
        return None if "" in (left.joint, right.joint) and "or" not in (left.joint, right.joint) else False
    return known


def _is_inequality(node: Node) -> bool:
    return isinstance(node, Relation) and any(sign in ("<", ">", "<=", ">=") for sign in node.signs)


def real_set(node: Node) -> RealSet | None:
    """Disjoint intervals in order, or None."""
    parts = _intervals(node)
    return None if parts is None else _merged(parts)


def _intervals(node: Node) -> list[Interval] | None:  # noqa: PLR0911 - one return a kind
    match node:
        case Symbol():
            return [_everything()] if node == REALS else None
        case Group(opening="\\{", items=items):
            return _all([_point(item) for item in items])
        case Group(opening="", items=items) if items and all(isinstance(item, Relation) for item in items):
            return _conditions(items, node.joint)
        case Group(opening="(" | "[" as opening, closing=closing, items=(low, high)):
            found = _interval(low, opening == "[", high, closing == "]")
            return None if found is None else [found]
        case Call(head="cup", args=args):
            return _united([_intervals(arg) for arg in args])
        case Call(head="cap", args=args):
            return _intersected([_intervals(arg) for arg in args])
        case Call(head="setminus", args=args):
            first, *rest = [_intervals(arg) for arg in args]
            without = [None if part is None else _complement(part) for part in rest]
            return _intersected([first, *without])
        case Relation():
            return _solutions(node)
    return None


def _all(parts: list[Interval | None]) -> list[Interval] | None:
    found = [part for part in parts if part is not None]
    return found if len(found) == len(parts) else None


def _united(parts: list[list[Interval] | None]) -> list[Interval] | None:
    found: list[Interval] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def _conditions(items: tuple[Node, ...], joint: str) -> list[Interval] | None:
    """Conditions on one name. With commas they are alternatives; all hold if as alternatives they are always true."""
    names = {name for item in items for name in symbols(item) if name != REALS}
    parts = [_intervals(item) for item in items]
    united = _united(parts)
    if len(names) != 1 or united is None or joint == "mixed":
        return None
    all_hold = joint == "and" or (not joint and _merged(united) == (_everything(),))
    return _intersected(parts) if all_hold else united


def _everything() -> Interval:
    return Interval(negative(INFINITY), False, INFINITY, False, -math.inf, math.inf)


def _point(node: Node) -> Interval | None:
    return _interval(node, True, node, True)


def _interval(low: Node, low_closed: bool, high: Node, high_closed: bool) -> Interval | None:
    one, two = real_value(low), real_value(high)
    if one is None or two is None or one > two or (one == two and not (low_closed and high_closed)):
        return None
    return Interval(low, low_closed and one > -math.inf, high, high_closed and two < math.inf, one, two)


def _solutions(relation: Relation) -> list[Interval] | None:  # noqa: PLR0911 - one return a kind
    """`2<x`, `1<x\\leq 2`, `x\\neq 3`, `x\\in S`: conditions on a bare name, or on its absolute value."""
    absolute = next((side for side in relation.sides if isinstance(side, Call) and side.head == "abs"), None)
    if absolute is not None and isinstance(absolute.args[0], Symbol):
        sides = tuple(absolute.args[0] if side == absolute else side for side in relation.sides)
        return _mirrored(_solutions(Relation(sides, relation.signs)))
    sides, signs = relation.sides, relation.signs
    if len(signs) == 2 and set(signs) <= {"<", "<="} | {">", ">="} and is_name(sides[1]) and symbols(sides[1]):
        if signs[0][0] != signs[1][0]:
            return None
        low, high = (sides[0], sides[2]) if signs[0][0] == "<" else (sides[2], sides[0])
        ends = (signs[0], signs[1]) if signs[0][0] == "<" else (signs[1], signs[0])
        found = _interval(low, ends[0].endswith("="), high, ends[1].endswith("="))
        return None if found is None else [found]
    if len(signs) != 1:
        return None
    left, right, sign = sides[0], sides[1], signs[0]
    if not is_name(left) and is_name(right) and sign in FLIPPED:
        left, right, sign = right, left, FLIPPED[sign]
    if not is_name(left) or not symbols(left):
        return None
    if sign in ("in", "notin"):
        inner = _intervals(right)
        return inner if sign == "in" or inner is None else _complement(inner)
    if real_value(right) is None:
        return None
    return _halves(right, sign)


def _mirrored(parts: list[Interval] | None) -> list[Interval] | None:
    """Where |x| lies in `parts`."""
    kept = _intersected([parts, [_above(integer(0), closed=True)]])
    if kept is None:
        return None
    below = [
        Interval(negative(i.high), i.high_closed, negative(i.low), i.low_closed, -i.high_value, -i.low_value)
        for i in kept
    ]
    return below + kept


def _above(end: Node, closed: bool) -> Interval:
    return Interval(end, closed, INFINITY, False, real_value(end) or 0.0, math.inf)


def _halves(end: Node, sign: str) -> list[Interval] | None:
    below = _interval(negative(INFINITY), False, end, sign == "<=")
    above = _interval(end, sign == ">=", INFINITY, False)
    match sign:
        case "<" | "<=":
            return _all([below])
        case ">" | ">=":
            return _all([above])
        case "!=":
            return _all([below, above])
        case "=":
            return _all([_point(end)])
    return None


def _merged(parts: list[Interval]) -> RealSet:
    """In order, those that overlap or touch joined."""
    found: list[Interval] = []
    for part in sorted(parts, key=lambda i: (i.low_value, not i.low_closed)):
        if found and _touch(found[-1], part):
            found[-1] = _joined(found[-1], part)
        else:
            found.append(part)
    return tuple(found)


def _touch(left: Interval, right: Interval) -> bool:
    if left.high_value == right.low_value:
        return left.high_closed or right.low_closed
    return left.high_value > right.low_value


def _joined(left: Interval, right: Interval) -> Interval:
    closed = left.low_closed or (right.low_closed and right.low_value == left.low_value)
    left = replace(left, low_closed=closed)
    if right.high_value > left.high_value:
        return replace(left, high=right.high, high_closed=right.high_closed, high_value=right.high_value)
    if right.high_value == left.high_value:
        return replace(left, high_closed=left.high_closed or right.high_closed)
    return left


def _complement(parts: list[Interval]) -> list[Interval]:
    """What of the real line is left."""
    whole = _everything()
    low, closed, value = whole.low, whole.low_closed, whole.low_value
    found = []
    for part in _merged(parts):
        if value < part.low_value or (value == part.low_value and closed and not part.low_closed):
            found.append(Interval(low, closed, part.low, not part.low_closed, value, part.low_value))
        low, closed, value = part.high, not part.high_closed, part.high_value
    if value < math.inf:
        found.append(Interval(low, closed, INFINITY, False, value, math.inf))
    return found


def _intersected(parts: list[list[Interval] | None]) -> list[Interval] | None:
    """By De Morgan."""
    outside: list[Interval] = []
    for part in parts:
        if part is None:
            return None
        outside += _complement(part)
    return _complement(outside)
