"""Equations and inequalities: what is said of a name, contradictions, and which say the same."""

from __future__ import annotations

from itertools import pairwise

from verifiers.math.denials import denied_name
from verifiers.math.limits import MAX_ITEMS
from verifiers.math.nodes import (
    Call,
    Group,
    Matrix,
    Node,
    Number,
    Relation,
    Symbol,
    add,
    integer,
    multiply,
    negative,
    symbols,
)
from verifiers.math.numeric import agree, real_value
from verifiers.math.rewrite import opaque, substitute
from verifiers.math.scalars import same_value
from verifiers.math.vocabulary import FLIPPED

_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)
_INEQUALITIES = ("<", ">", "<=", ">=")


def trimmed(relation: Relation) -> Relation:
    """Without what is only approximately equal: `x=1/3` of `x=1/3\\approx 0.33`; `x\\approx 11` says `x=11`."""
    if "~" not in relation.signs:
        return relation
    at = relation.signs.index("~")
    if at == 0 and is_name(relation.sides[0]):
        return Relation(relation.sides[:2], ("=",), relation.written[:2])
    return Relation(relation.sides[: at + 1], relation.signs[:at], relation.written[: at + 1])


def is_name(node: Node) -> bool:  # noqa: PLR0911 - one return a kind
    """Whether `node` can stand for a value: `x`, `f(2)`, `AB`, `|AB|`, `A:B`, `\\frac{AB}{CD}`, `(p,q)`."""
    match node:
        case Symbol(name=name):
            return not (name.startswith("\\text{") and denied_name(name[6:-1]))
        case Call(head="abs", args=(inside,)):
            return _has_size(inside)
        case Call(head=":" | "deg", args=args):
            return all(is_name(arg) for arg in args)
        case Call(head="*", args=args):
            return all(_is_segment(arg) for arg in args)
        case Call(head="^", args=(Call(head="*", args=points), _)):
            return _is_segment(node) and all(map(_is_segment, points))
        case Call(head=head):
            return head.startswith("f:")
        case Group(opening="(", items=items):
            return all(isinstance(item, Symbol) for item in items)
    return False


def _is_power_of_matrix(name: Node) -> bool:
    """`A^{-1}`, `A^T`, `A^n`."""
    return isinstance(name, Call) and name.head == "^" and _is_capital(name.args[0])


def _is_capital(node: Node) -> bool:
    return isinstance(node, Symbol) and len(node.name) == 1 and node.name.isupper()


def _is_function(name: Node) -> bool:
    return isinstance(name, Call) and name.head.startswith("f:")


def _has_size(node: Node) -> bool:
    """Whether bars around `node` make a name of its own: `|AB|`, `|S|`, `|\\vec{a}|`, `|z|`; `|x|=5` is an equation."""
    if isinstance(node, Symbol):
        return _is_segment(node) or node.name.startswith("\\") or node.name in ("z", "w")
    return isinstance(node, Call) and node.head == "*" and all(map(_is_segment, node.args))


def _is_segment(node: Node) -> bool:
    """A letter of a point's name, or one over which is divided."""
    if isinstance(node, Call) and node.head == "^" and node.args[1] == integer(-1):
        base = node.args[0]
        return all(map(_is_segment, base.args if isinstance(base, Call) and base.head == "*" else (base,)))
    if not isinstance(node, Symbol):
        return False
    if node.name.startswith("\\text"):
        return is_name(node)
    return node.name[0].isupper() or "_" in node.name


def assigned(relation: Relation) -> tuple[Node | None, Node] | None:  # noqa: PLR0911 - one return a form
    """The name and the value of `x=5`, `x=2+3=5`, `x\\in S`; `10/2=5` has no name; None for what assigns nothing."""
    relation = trimmed(relation)
    if not relation.signs:
        return None, relation.sides[0]
    if any(sign not in ("=", "in") for sign in relation.signs):
        return None
    name, value = relation.sides[0], relation.sides[-1]
    if isinstance(value, Matrix) and _is_power_of_matrix(name):
        return name, value
    if is_name(name) and (_is_function(name) or not symbols(name) & symbols(value)):
        return name, value
    if is_name(value) and not is_name(name) and not symbols(name) and relation.signs == ("=",):
        return value, name
    if not any(symbols(side) for side in relation.sides):
        return None, value
    return None


def contradicts(relation: Relation) -> bool:
    """Whether two sides of its equalities are different constants: `1=2=3`, `x=6=7`."""
    relation = trimmed(relation)
    if any(sign != "=" for sign in relation.signs):
        return False
    constants = [side for side in relation.sides if _is_constant(side)]
    return any(agree(a, b) is False for a, b in pairwise(constants))


def says_nothing(relation: Relation) -> bool:
    """Whether a side is equated with itself: `x=x`, `7=7`; or two expressions in variables that are the same.

    Constants must be written alike: `\\frac{10}{2}=5` is a step of work.
    """
    relation = trimmed(relation)
    if not relation.signs or any(sign != "=" for sign in relation.signs):
        return False
    sides, written = relation.sides, relation.written
    if is_name(sides[0]) and len(sides) > 2:
        return all(a == b for a, b in pairwise(sides[1:])) and bool(symbols(sides[1]))
    if not any(map(symbols, sides)):
        return all(a == b for a, b in pairwise(sides)) and len(set(written)) <= 1
    return all(a == b or (symbols(a) and same_value(opaque(a), opaque(b))) for a, b in pairwise(sides))


def _is_constant(node: Node) -> bool:
    return not symbols(node) and isinstance(node, Call | Number) and not _two_signed(node)


def _two_signed(node: Node) -> bool:
    return isinstance(node, Call) and (node.head in ("pm", "mp", ":") or any(_two_signed(arg) for arg in node.args))


def same_relation(left: Relation, right: Relation) -> bool:
    """Whether both say the same: each part of one is a part of the other, scaled by a constant."""
    ones, twos = _parts(trimmed(left)), _parts(trimmed(right))
    if len(ones) != len(twos) or len(ones) > MAX_ITEMS:
        return False
    for one in ones:
        fit = next((two for two in twos if _same_part(one, two)), None)
        if fit is None:
            return False
        twos.remove(fit)
    return True


Part = tuple[Node, str, Node, Node]
"""A difference, its sign against zero (never `<` or `<=`), and the two sides."""


def _parts(relation: Relation) -> list[Part]:
    found = []
    for (left, right), sign in zip(pairwise(relation.sides), relation.signs, strict=True):
        if sign in ("<", "<="):
            found.append((add(right, negative(left)), FLIPPED[sign], right, left))
        else:
            found.append((add(left, negative(right)), sign, left, right))
    return found


def _same_part(one: Part, two: Part) -> bool:
    if one[1] != two[1]:
        return False
    if one[2:] == two[2:] or (one[1] in ("=", "!=") and one[2:] == two[:1:-1]):
        return True
    if one[1] not in ("=", "!=", ">", ">="):
        return one[1] == "in" and one[2] == two[2] and same_value(one[3], two[3])
    if not symbols(one[0]) or symbols(one[0]) != symbols(two[0]):
        return False
    return _proportional(opaque(one[0]), opaque(two[0]), one[1] in _INEQUALITIES)


def _proportional(left: Node, right: Node, positive: bool) -> bool:
    """Whether left = c right with a constant c that is not zero (`positive`: above zero), c taken at one point."""
    names = sorted(symbols(left) | symbols(right), key=lambda symbol: symbol.name)
    if len(names) > len(_PRIMES):
        return False
    for shift in (0, 1, 2):
        point: dict[Node, Node] = {name: integer(prime + shift) for name, prime in zip(names, _PRIMES, strict=False)}
        one, two = substitute(left, point), substitute(right, point)
        first, second = real_value(one), real_value(two)
        if first and second:
            if positive and first * second < 0:
                return False
            return same_value(multiply(left, two), multiply(right, one))
    return False
