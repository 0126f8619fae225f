"""Whether two answers are the same: by their kinds, then part by part, then by value. Symmetric but for rounding."""

from __future__ import annotations

from verifiers.math.collections import same_collection
from verifiers.math.exact import rational
from verifiers.math.nodes import (
    Call,
    Group,
    Matrix,
    Node,
    Numeral,
    Quantity,
    Relation,
    Symbol,
    divide,
    holds,
    integer,
    multiply,
    symbols,
)
from verifiers.math.policy import Policy
from verifiers.math.realsets import same_conditions, same_set
from verifiers.math.relations import assigned, contradicts, same_relation, says_nothing
from verifiers.math.rewrite import branches, substitute
from verifiers.math.scalars import rounds_to, same_value
from verifiers.math.units import conflict

_SETS = ("cup", "cap", "setminus")


class Equality:
    """`equal` under a policy. Raises RefusedError for what is too large to be evaluated."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def equal(self, answer: Node, gold: Node) -> bool:  # noqa: PLR0911 - one return a kind
        if answer == gold:
            return True
        if isinstance(answer, Quantity) or isinstance(gold, Quantity):
            return self._quantities(answer, gold)
        if isinstance(answer, Relation) or isinstance(gold, Relation):
            return self._relations(answer, gold)
        if _is_set(answer) or _is_set(gold):
            return same_set(answer, gold, self.equal) is True
        if holds(answer, "pm", "mp") or holds(gold, "pm", "mp"):
            return self._branches(answer, gold)
        if isinstance(answer, Group) and isinstance(gold, Group) and answer.joint != gold.joint:
            known = same_conditions(answer, gold, self.equal)
            if known is not None:
                return known
        if isinstance(answer, Group | Matrix) or isinstance(gold, Group | Matrix):
            return same_collection(answer, gold, self.equal)
        if isinstance(answer, Numeral) or isinstance(gold, Numeral):
            return _numerals(answer, gold)
        return self._scalars(answer, gold)

    def _quantities(self, answer: Node, gold: Node) -> bool:
        one, two = _unpacked(answer), _unpacked(gold)
        for currency in (False, True):
            rule = self._policy.currency if currency else self._policy.units
            left = one.label if one.currency == currency else ""
            right = two.label if two.currency == currency else ""
            if rule == "require" and left.lstrip("?") != right.lstrip("?"):
                return False
            if rule == "optional" and conflict(left, right):
                return False
        for radians, angle in ((one, two.value), (two, one.value)):
            if radians.label == "rad" and _degrees(angle) is not None:
                return same_value(radians.value, angle)
        return self.equal(one.value, two.value)

    def _relations(self, answer: Node, gold: Node) -> bool:
        for node in (answer, gold):
            if isinstance(node, Relation) and (contradicts(node) or says_nothing(node)):
                return False
        if isinstance(answer, Relation) and isinstance(gold, Relation):
            return self._both_relations(answer, gold)
        relation, other = (answer, gold) if isinstance(answer, Relation) else (gold, answer)
        assert isinstance(relation, Relation)
        said = assigned(relation)
        if said is not None:
            return self.equal(said[1], gold) if relation is answer else self.equal(answer, said[1])
        if isinstance(other, Group | Symbol) or _is_set(other):
            return self._policy.intervals == "either" and same_set(relation, other, self.equal) is True
        return False

    def _both_relations(self, answer: Relation, gold: Relation) -> bool:
        one, two = assigned(answer), assigned(gold)
        if one is not None and two is not None:
            names, values = (one[0], two[0]), (one[1], two[1])
            if None in names or names[0] == names[1] or any(_is_words(name) for name in names):
                if self.equal(*values):
                    return True
            elif (renamed := _renamed(names, values)) is not None:
                return self.equal(*renamed)
        if same_relation(answer, gold):
            return True
        return symbols(answer) == symbols(gold) and same_set(answer, gold, self.equal) is True

    def _branches(self, answer: Node, gold: Node) -> bool:
        """With ± an answer is the list of its values."""
        one, two = _spread(answer), _spread(gold)  # without ±
        return self.equal(one, two)

    def _scalars(self, answer: Node, gold: Node) -> bool:
        if _is_ratio(answer) or _is_ratio(gold):
            return _ratios(answer, gold)
        one, two = _percentage(answer), _percentage(gold)
        if (one is None) != (two is None):
            return self._percent(answer, gold)
        if one is not None and two is not None:
            return self.equal(one, two)
        left, right = _degrees(answer), _degrees(gold)
        if left is not None and right is not None:
            return self.equal(left, right)
        if (left is not None and self.equal(left, gold)) or (right is not None and self.equal(answer, right)):
            return True
        return same_value(answer, gold) or rounds_to(answer, gold, self._policy.rounded_digits)

    def _percent(self, answer: Node, gold: Node) -> bool:
        rule = self._policy.percent
        share, other = _percentage(answer), _percentage(gold)
        if rule in ("either", "sign") and self.equal(
            answer if share is None else share, gold if other is None else other
        ):
            return True
        hundred = integer(100)
        return rule in ("either", "value") and self.equal(
            answer if share is None else divide(share, hundred), gold if other is None else divide(other, hundred)
        )


def _is_set(node: Node) -> bool:
    return (isinstance(node, Call) and node.head in _SETS) or node == Symbol("\\mathbb{R}")


def _unpacked(node: Node) -> Quantity:
    return node if isinstance(node, Quantity) else Quantity(node, "")


def _is_words(name: Node | None) -> bool:
    return isinstance(name, Symbol) and name.name.startswith("\\text")


def _renamed(names: tuple[Node | None, Node | None], values: tuple[Node, Node]) -> tuple[Node, Node] | None:
    """The values of two functions, or of a function and `y`, with the same variable: `f(x)=x^2` and `g(t)=t^2` are not
    told apart where the function's own name differs by its variable only."""
    one, two = names
    if isinstance(one, Call) and isinstance(two, Call) and one.head == two.head and len(one.args) == len(two.args):
        pairs = dict(zip(one.args, two.args, strict=True))
        if all(isinstance(node, Symbol) for pair in pairs.items() for node in pair):
            return substitute(values[0], pairs), values[1]
        return None
    if (_is_function(one) and two == Symbol("y")) or (_is_function(two) and one == Symbol("y")):
        return values
    return None


def _is_function(name: Node | None) -> bool:
    return isinstance(name, Call) and name.head.startswith("f:")


def _numerals(answer: Node, gold: Node) -> bool:
    """Digits and base; the base may be left out where the reference names one, and of base ten."""
    if isinstance(answer, Numeral) and isinstance(gold, Numeral):
        return answer == gold
    numeral, other = (answer, gold) if isinstance(answer, Numeral) else (gold, answer)
    assert isinstance(numeral, Numeral)
    if numeral.base == 10 or numeral is gold:
        return numeral.digits.isdigit() and same_value(other, integer(int(numeral.digits)))
    return False


def _is_ratio(node: Node) -> bool:
    return isinstance(node, Call) and node.head == ":"


def _ratios(answer: Node, gold: Node) -> bool:
    """`2:4` is `1:2` and `\\frac12`; but what may be a time, as `3:30`, is only itself."""
    if any(_may_be_time(node) for node in (answer, gold)):
        return False
    one, two = (
        node.args if isinstance(node, Call) and _is_ratio(node) else (node, integer(1)) for node in (answer, gold)
    )
    return len(one) == len(two) and all(
        same_value(multiply(a, two[0]), multiply(b, one[0])) for a, b in zip(one[1:], two[1:], strict=True)
    )


def _may_be_time(node: Node) -> bool:
    values = [rational(part) for part in node.args] if isinstance(node, Call) and _is_ratio(node) else []
    if len(values) != 2 or values[0] is None or values[1] is None:
        return False
    return values[0] in range(25) and values[1] in range(10, 60)


def _spread(node: Node) -> Node:
    if isinstance(node, Group) and not node.is_tuple:
        items = tuple(value for item in node.items for value in branches(item))
        return Group(node.opening, node.closing, items, node.joint)
    found = branches(node)
    return found[0] if len(found) == 1 else Group("", "", found)


def _percentage(node: Node) -> Node | None:
    return node.args[0] if isinstance(node, Call) and node.head == "%" else None


def _degrees(node: Node) -> Node | None:
    return node.args[0] if isinstance(node, Call) and node.head == "deg" else None
