"""Trees made from trees: other names, both signs of ±, functions as names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

from verifiers.math.limits import MAX_BRANCHES, RefusedError
from verifiers.math.nodes import (
    Call,
    Group,
    Matrix,
    Node,
    Number,
    Quantity,
    Relation,
    Symbol,
    add,
    children,
    holds,
    multiply,
    negative,
    spelled,
)


def rebuilt(node: Node, parts: tuple[Node, ...]) -> Node:  # noqa: PLR0911 - one return a kind
    """`node` with other children, in its normal order."""
    match node:
        case Call(head="+"):
            return add(*parts)
        case Call(head="*"):
            return multiply(*parts)
        case Call(head=head):
            return Call(head, parts)
        case Group(opening=opening, closing=closing, joint=joint):
            return Group(opening, closing, parts, joint)
        case Matrix(rows=rows):
            width = len(rows[0])
            return Matrix(tuple(parts[i : i + width] for i in range(0, len(parts), width)))
        case Relation(signs=signs, written=written):
            return Relation(parts, signs, written)
        case Quantity(label=label, currency=currency):
            return Quantity(parts[0], label, currency)
    return node


def mapped(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """`node` with every part that `change` gives something for replaced by that; the rest rebuilt."""
    new = change(node)
    if new is not None:
        return new
    parts = children(node)
    return rebuilt(node, tuple(mapped(part, change) for part in parts)) if parts else node


def substitute(node: Node, values: Mapping[Node, Node]) -> Node:
    return mapped(node, values.get)


def opaque(node: Node) -> Node:
    """`node` with each undefined function's value as a name: `f(2)+1` has a value wherever `f(2)` has one."""

    def change(part: Node) -> Node | None:
        if isinstance(part, Call) and part.head.startswith("f:"):
            return Symbol(spelled(part))
        return None

    return mapped(node, change) if _applies(node) else node


def _applies(node: Node) -> bool:
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, Call) and part.head.startswith("f:"):
            return True
        left.extend(children(part))
    return False


def branches(node: Node) -> tuple[Node, ...]:
    """The values of an expression with ±: every sign by itself, but where ∓ occurs all together. Itself without any."""
    if not holds(node, "pm", "mp"):
        return (node,)
    found = [_signed(node, 1), _signed(node, -1)] if holds(node, "mp") else _each(node)
    return tuple(dict.fromkeys(found))


def _signed(node: Node, sign: int) -> Node:
    def change(part: Node) -> Node | None:
        if isinstance(part, Call) and part.head in ("pm", "mp"):
            left, right = (mapped(arg, change) for arg in part.args)
            return add(left, right if (part.head == "pm") == (sign > 0) else negative(right))
        return None

    return mapped(node, change)


def _each(node: Node) -> list[Node]:
    parts = children(node)
    if not parts:
        return [node]
    choices = [_each(part) for part in parts]
    count = 1
    for choice in choices:
        count *= len(choice)
        if count > MAX_BRANCHES:
            raise RefusedError(f"more than {MAX_BRANCHES} choices of signs")
    found = []
    for chosen in product(*choices):
        if isinstance(node, Call) and node.head == "pm":
            found += [add(chosen[0], chosen[1]), add(chosen[0], negative(chosen[1]))]
        else:
            found.append(rebuilt(node, chosen))
    return found


def decimals(node: Node) -> bool:
    """Whether one of its numbers was written with a decimal point."""
    left = [node]
    while left:
        part = left.pop()
        if isinstance(part, Number) and part.places is not None:
            return True
        left.extend(children(part))
    return False
