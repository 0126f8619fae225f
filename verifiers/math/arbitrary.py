"""Arbitrary constants and integers whose name is free: `+C` and `+c`, `2\\pi k` and `2\\pi n`."""

from __future__ import annotations

import re

from verifiers.math.nodes import PI, Call, Node, Relation, Symbol, children, symbols
from verifiers.math.rewrite import substitute

_NUMBERED = re.compile(r"([Cc])_(\d)")
_INTEGERS = tuple(map(Symbol, ("k", "n", "m")))


def with_names_of(answer: Node, gold: Node) -> Node | None:
    """`answer` with the reference's names for its arbitrary constants or integer; None where it has them.

    One to one, and only onto names that the answer does not have itself.
    """
    ours, theirs = symbols(answer), symbols(gold)
    renamed: dict[Node, Node] = {}
    for name in _constants(gold):
        other = Symbol(name.name.swapcase())
        if name not in ours and other in ours and other not in theirs:
            renamed[other] = name
    one, two = _integer(gold), _integer(answer)
    if one is not None and two is not None and one != two:
        renamed[two] = one
    return substitute(answer, renamed) if renamed else None


def _constants(gold: Node) -> list[Symbol]:
    """`C_1`, `C_2`; and `C` where it is added to an expression without another capital letter."""
    value = gold.sides[-1] if isinstance(gold, Relation) else gold
    names = symbols(value)
    numbered = [name for name in names if _NUMBERED.fullmatch(name.name)]
    terms = value.args if isinstance(value, Call) and value.head == "+" else ()
    plain = [name for name in names if name.name in ("C", "c") and name in terms]
    capitals = [name for name in names if len(name.name) == 1 and name.name.isupper() and name.name != "C"]
    return numbered + ([] if capitals else plain)


def _integer(node: Node) -> Symbol | None:
    """The one of k, n, m that multiplies \\pi."""
    held = [name for name in _INTEGERS if name in symbols(node)]
    return held[0] if len(held) == 1 and _beside_pi(node, held[0]) else None


def _beside_pi(node: Node, name: Symbol) -> bool:
    if isinstance(node, Call) and node.head == "*" and PI in node.args and name in node.args:
        return True
    return any(_beside_pi(part, name) for part in children(node))
