"""Lists, sets, tuples, intervals and matrices, item by item."""

from __future__ import annotations

from collections.abc import Callable

from verifiers.math.limits import MAX_ITEMS
from verifiers.math.nodes import Call, Group, Matrix, Node, Relation, Symbol
from verifiers.math.relations import assigned

Same = Callable[[Node, Node], bool]
_MAX_PAIRS = 2000
"""Comparisons of two lists without order: beyond, they are equal only in the order in which they stand."""


def same_collection(answer: Node, gold: Node, same: Same) -> bool:  # noqa: PLR0911 - one return a kind
    """One of the two is a group or a matrix. `same` compares two items, the answer's first."""
    if isinstance(answer, Matrix) and isinstance(gold, Matrix):
        return answer.shape == gold.shape and _in_order(_entries(answer), _entries(gold), same)
    if isinstance(answer, Matrix) != isinstance(gold, Matrix):
        answer, gold = _as_matrix(answer), _as_matrix(gold)
        if isinstance(answer, Matrix) and isinstance(gold, Matrix):
            return same_collection(answer, gold, same)
        return _vectors(answer, gold, same)
    if isinstance(answer, Group) and isinstance(gold, Group):
        return _groups(answer, gold, same)
    group, other = (answer, gold) if isinstance(answer, Group) else (gold, answer)
    assert isinstance(group, Group)
    if _letters(group.items) and _letters(group.items) == _letters_of_product(other):
        return True
    if len(group.items) == 1 and group.opening in ("\\{", ""):
        return same(group.items[0], gold) if group is answer else same(answer, group.items[0])
    return False


def _entries(matrix: Matrix) -> tuple[Node, ...]:
    return tuple(entry for row in matrix.rows for entry in row)


def _as_matrix(node: Node) -> Node:
    """`[[1,2],[3,4]]`: rows in brackets."""
    rows = [item for item in node.items if isinstance(item, Group)] if isinstance(node, Group) else []
    if not isinstance(node, Group) or node.opening == "" or len(rows) != len(node.items) or not rows:
        return node
    alike = all(row.opening == "[" and len(row.items) == len(rows[0].items) for row in rows)
    return Matrix(tuple(row.items for row in rows)) if alike and rows[0].items else node


def _vectors(answer: Node, gold: Node, same: Same) -> bool:
    """A column or a row, and a tuple in parentheses or angle brackets."""
    one, two = _vector(answer), _vector(gold)
    return one is not None and two is not None and _in_order(one, two, same)


def _vector(node: Node) -> tuple[Node, ...] | None:
    if isinstance(node, Matrix):
        return _entries(node) if 1 in node.shape else None
    return node.items if isinstance(node, Group) and node.opening in ("(", "<", "[") else None


def _groups(answer: Group, gold: Group, same: Same) -> bool:
    if answer.is_tuple and gold.is_tuple:
        return _same_brackets(answer, gold) and _in_order(answer.items, gold.items, same)
    if answer.is_tuple or gold.is_tuple:
        tuple_, other = (answer, gold) if answer.is_tuple else (gold, answer)
        return (
            other.opening == ""
            and not _alternatives(other)
            and not _is_interval(tuple_)
            and _in_order(answer.items, gold.items, same)
        )
    if _alternatives(answer) != _alternatives(gold) and any(len(_named(group)) > 1 for group in (answer, gold)):
        return False
    if _names(answer.items) != _names(gold.items):
        return _in_order(answer.items, gold.items, same)
    return _matched(_distinct(list(answer.items), same), _distinct(list(gold.items), same), same)


def _alternatives(group: Group) -> bool:
    """Whether an `or` joins the items: what names alternatives is no tuple."""
    return group.joint in ("or", "mixed")


def _named(group: Group) -> set[Node]:
    """Of which names its items give the value."""
    said = [assigned(item) for item in group.items if isinstance(item, Relation)]
    return {found[0] for found in said if found is not None and found[0] is not None}


def _same_brackets(left: Group, right: Group) -> bool:
    """Of pairs they tell intervals apart; longer ones are tuples however they are written."""
    if len(left.items) != 2 or "<" in (left.opening, right.opening):
        return not (_is_interval(left) or _is_interval(right))
    return (left.opening, left.closing) == (right.opening, right.closing)


def _is_interval(group: Group) -> bool:
    """By a bracket that only intervals have; an open one looks like a pair."""
    return len(group.items) == 2 and "[" in (group.opening, "[" if group.closing == "]" else "")


def _names(items: tuple[Node, ...]) -> bool:
    """Whether every item says of which name it is the value; then order does not matter."""
    return all(
        isinstance(item, Relation) and (said := assigned(item)) is not None and said[0] is not None for item in items
    ) and len({item.sides[0] for item in items if isinstance(item, Relation)}) == len(items)


def _in_order(ones: tuple[Node, ...], twos: tuple[Node, ...], same: Same) -> bool:
    return len(ones) == len(twos) and all(same(a, b) for a, b in zip(ones, twos, strict=True))


def _matched(ones: list[Node], twos: list[Node], same: Same) -> bool:
    """Each of one to each of the other; equality being transitive, the first that fits may be taken."""
    if len(ones) != len(twos) or len(ones) > MAX_ITEMS:
        return False
    if len(ones) ** 2 > _MAX_PAIRS:
        rest = [two for two in twos if two not in ones]
        left = [one for one in ones if one not in twos]
        return _in_order(tuple(left), tuple(rest), same)
    for two in twos:
        fit = next((i for i, one in enumerate(ones) if same(one, two)), None)
        if fit is None:
            return False
        del ones[fit]
    return True


def _distinct(items: list[Node], same: Same) -> list[Node]:
    """Each once: an answer that lists a solution twice lists the same solutions."""
    found: list[Node] = []
    for item in dict.fromkeys(items):
        if len(items) ** 2 > _MAX_PAIRS or not any(same(item, other) for other in found):
            found.append(item)
    return found


def _letters(items: tuple[Node, ...]) -> list[str] | None:
    """Single capital letters, as in a question with several right options."""
    names = sorted(item.name for item in items if isinstance(item, Symbol))
    return names if len(names) == len(items) and all(len(n) == 1 and n.isupper() for n in names) else None


def _letters_of_product(node: Node) -> list[str] | None:
    return _letters(node.args) if isinstance(node, Call) and node.head == "*" else None
