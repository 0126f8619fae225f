"""What an answer says, as a tree. Immutable, hashable, and made of nothing that can be evaluated by Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Number:
    """A numeral's exact value. places: digits after its decimal point; None: it was written without one.
    digits: its significant digits."""

    value: Fraction
    places: int | None = field(default=None, compare=False, repr=False)
    digits: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Numeral:
    """Digits in a base that is written beside them: `101_2`."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, or a name with its subscript. The constants are the symbols of CONSTANTS."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function of `args`: `+`, `*`, `^`, `root`, `pm`, `sin`… `f:NAME` is a function without a
    definition."""

    head: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Items between brackets; both empty for a bare list. An interval is a pair with its brackets.

    joint: the word that joins them, `and` or `or`; `mixed`: both; empty: commas alone."""

    opening: str
    closing: str
    items: tuple[Node, ...]
    joint: str = ""

    @property
    def is_tuple(self) -> bool:
        """Whether the order of the items counts."""
        return self.opening in ("(", "[", "<")


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Node, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])


@dataclass(frozen=True, slots=True)
class Relation:
    """sides[0] signs[0] sides[1] signs[1] … written: the sides as they were written, where that is known."""

    sides: tuple[Node, ...]
    signs: tuple[str, ...]
    written: tuple[str, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with the unit or currency that was written beside it; `label` is its normal spelling."""

    value: Node
    label: str
    currency: bool = False


Node = Number | Numeral | Symbol | Call | Group | Matrix | Relation | Quantity

PI, EULER, IMAGINARY, INFINITY = Symbol("\\pi"), Symbol("\\e"), Symbol("\\i"), Symbol("\\infty")
CONSTANTS = frozenset((PI, EULER, IMAGINARY, INFINITY))
ONE, MINUS_ONE, ZERO = Number(Fraction(1)), Number(Fraction(-1)), Number(Fraction(0))


def integer(value: int) -> Number:
    return Number(Fraction(value))


def add(*args: Node) -> Node:
    return _flat("+", args)


def multiply(*args: Node) -> Node:
    return _flat("*", args)


def negative(node: Node) -> Node:
    if isinstance(node, Number):
        return Number(-node.value, node.places, node.digits)
    return multiply(MINUS_ONE, node)


def divide(left: Node, right: Node) -> Node:
    """Of whole numbers, and of their fractions, the exact value."""
    if isinstance(left, Number) and isinstance(right, Number) and right.value and left.places is right.places is None:
        return Number(left.value / right.value)
    return multiply(left, Call("^", (right, MINUS_ONE)))


def _flat(head: str, args: tuple[Node, ...]) -> Node:
    """Sums of sums as one sum, its terms in an order that does not depend on how they were written."""
    neutral = ZERO if head == "+" else ONE
    parts: list[Node] = []
    for arg in args:
        parts.extend(arg.args if isinstance(arg, Call) and arg.head == head else (arg,))
    kept = [part for part in parts if part != neutral]
    if len(kept) == 1:
        return kept[0]
    return Call(head, tuple(sorted(kept, key=spelled))) if kept else neutral


def spelled(node: Node) -> str:  # noqa: PLR0911 - one return a kind
    """One text a tree: what sums and products are ordered by, and names of what is not looked into."""
    match node:
        case Number(value=value):
            return f"{value.numerator:x}/{value.denominator:x}"
        case Numeral(digits=digits, base=base):
            return f"{digits}_{base}"
        case Symbol(name=name):
            return name
        case Call(head=head):
            return f"{head}({','.join(map(spelled, node.args))})"
        case Relation(signs=signs):
            return f"{signs}({','.join(map(spelled, node.sides))})"
        case Group(opening=opening, closing=closing):
            return f"{opening}{','.join(map(spelled, node.items))}{closing}"
        case Quantity(label=label):
            return f"{spelled(node.value)} {label}"
        case Matrix(rows=rows):
            return ";".join(",".join(map(spelled, row)) for row in rows)


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Call(args=args):
            return args
        case Group(items=items):
            return items
        case Matrix(rows=rows):
            return tuple(entry for row in rows for entry in row)
        case Relation(sides=sides):
            return sides
        case Quantity(value=value):
            return (value,)
    return ()


def size(node: Node) -> int:
    """How many parts its tree has."""
    count, left = 0, [node]
    while left:
        part = left.pop()
        count += 1
        left.extend(children(part))
    return count


def depth(node: Node) -> int:
    """How deep its tree is; without recursion."""
    deepest, left = 0, [(node, 1)]
    while left:
        part, level = left.pop()
        deepest = max(deepest, level)
        left.extend((child, level + 1) for child in children(part))
    return deepest


def symbols(node: Node) -> frozenset[Symbol]:
    """Its variables; constants are none."""
    found: set[Symbol] = set()
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, Symbol) and part not in CONSTANTS:
            found.add(part)
        left.extend(children(part))
    return frozenset(found)


def holds(node: Node, *heads: str) -> bool:
    """Whether one of its calls has one of `heads`."""
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, Call) and part.head in heads:
            return True
        left.extend(children(part))
    return False
