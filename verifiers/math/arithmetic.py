"""Sums, products, powers and functions: the part of the grammar between the brackets.

Recursive descent over tokens. Every recursion is counted against MAX_DEPTH, every token is taken once.
"""

from __future__ import annotations

from verifiers.math.atoms import Atoms
from verifiers.math.lexer import Token
from verifiers.math.limits import UnreadableError
from verifiers.math.nodes import (
    IMAGINARY,
    MINUS_ONE,
    ZERO,
    Call,
    Group,
    Matrix,
    Node,
    Number,
    Symbol,
    add,
    divide,
    integer,
    multiply,
    negative,
)
from verifiers.math.vocabulary import FUNCTIONS, INVERSES, MANY_ARGUMENTS, SYNONYMS

_PLUS_MINUS = {"\\pm": "pm", "\\mp": "mp"}
_TIMES = ("*", "\\cdot", "\\times")
_OVER = ("/", "\\div")
_ENDS_FACTOR = frozenset(
    [*"+-:,;)]}", *_PLUS_MINUS, *_TIMES, *_OVER, "\\}", "\\rangle", "\\rfloor", "\\rceil"]  # noqa: RUF005
    + ["|", "\\|", "&", "\\\\", "\\rvert", "\\rVert", "\\pmod", "\\bmod", "\\mod", "\\ldots", "\\dots", "\\cdots", "**"]
)


class Arithmetic(Atoms):
    """Expressions; what stands in brackets is read by the class that extends this one."""

    def ratio(self) -> Node:
        """Parts joined by `:`, each a sum."""
        parts = [self.sum()]
        while self.accept(":"):
            parts.append(self.sum())
        return parts[0] if len(parts) == 1 else Call(":", tuple(parts))

    def sum(self) -> Node:
        with self.deeper():
            terms: list[Node] = []
            node: Node | None = None
            while True:
                token = self.peek()
                sign = token.text if token is not None and token.kind in ("char", "command") else ""
                if sign in _PLUS_MINUS:
                    self.position += 1
                    left = add(*terms) if terms else ZERO
                    terms = [self.wrap(Call(_PLUS_MINUS[sign], (left, self.product())))]
                elif sign in ("+", "-"):
                    terms.append(self._signed_product())
                elif node is None and not terms:
                    terms.append(self.product())
                else:
                    break
                node = terms[-1]
            return self._matrix_sum(terms)

    def _signed_product(self) -> Node:
        minus = False
        while self.sees("+", "-"):
            minus ^= self.take().text == "-"
        product = self.product()
        return negative(product) if minus else product

    def product(self) -> Node:
        factors = [self.power()]
        while (token := self.peek()) is not None:
            if self.accept(*_TIMES):
                factors.append(self._signed_power())
            elif self.accept(*_OVER):
                factors.append(Call("^", (self._signed_power(), MINUS_ONE)))
            elif self.accept("\\bmod", "\\mod"):
                factors = [self.wrap(Call("mod", (self._product_of(factors), self._signed_power())))]
            elif token.kind in ("char", "command") and token.text in _ENDS_FACTOR:
                break
            elif token.kind == "number" and not isinstance(factors[-1], Call):
                raise UnreadableError(f"{token.text} directly after another factor")
            else:
                factors.append(self.power())
        return self._product_of(factors)

    def _signed_power(self) -> Node:
        minus = False
        while self.sees("+", "-"):
            minus ^= self.take().text == "-"
        power = self.power()
        return negative(power) if minus else power

    def power(self) -> Node:
        """A primary with what is written after it: powers, factorials, percent and degree signs."""
        node = self.primary()
        while True:
            if self.accept("!"):
                node = Call("!!" if self.accept("!") else "!", (node,))
            elif self.accept("%"):
                if isinstance(node, Call) and node.head == "%":
                    raise UnreadableError("two percent signs")
                node = Call("%", (node,))
            elif self.sees("^", "**"):
                node = self._raised(node)
            elif self.accept("'"):
                if not isinstance(node, Symbol):
                    raise UnreadableError("a prime after what is no name")
                node = Symbol(node.name + "'")
            else:
                return node
            node = self.wrap(node)

    def _raised(self, base: Node) -> Node:
        self.position += 1
        if self._accepts_degree():
            return Call("deg", (base,))
        with self.deeper():
            exponent = self.script()
        if isinstance(base, Group) and base.is_tuple and exponent == Symbol("T"):  # `(1,2)^T`
            return Matrix(tuple((item,) for item in base.items))
        if isinstance(base, Matrix):
            return self.matrix_power(base, exponent)
        return Call("^", (base, exponent))

    def _accepts_degree(self) -> bool:
        if self.accept("\\circ"):
            return True
        token, inner, closing = self.peek(), self.peek(1), self.peek(2)
        if token and inner and closing and (token.text, inner.text, closing.text) == ("{", "\\circ", "}"):
            self.position += 3
            return True
        return False

    def script(self) -> Node:
        """What a `^` takes: a group, or one primary with its sign, whole numbers included."""
        if self.sees("{"):
            return self.group()
        minus = False
        while self.sees("+", "-"):
            minus ^= self.take().text == "-"
        node = self.primary()
        if self.sees("^", "**"):
            node = self._raised(node)
        return negative(node) if minus else node

    def function(self, name: str) -> Node:
        """A function that is named by a command, with its power and its argument."""
        name = SYNONYMS.get(name, name)
        base: Node | None = None
        power: Node | None = None
        with self.deeper():
            while self.sees("_", "^"):
                if self.take().text == "_":
                    base = self._log_base()
                else:
                    power = self.script()
        if power == MINUS_ONE and name in INVERSES:
            name, power = INVERSES[name], None
        with self.deeper():
            arguments = self._arguments(name)
        node = self._call(name, base, arguments)
        return node if power is None else Call("^", (node, power))

    def _call(self, name: str, base: Node | None, arguments: tuple[Node, ...]) -> Node:
        if name not in MANY_ARGUMENTS and len(arguments) != 1:
            raise UnreadableError(f"{name} of {len(arguments)} arguments")
        if name == "exp":
            return Call("^", (Symbol("\\e"), arguments[0]))
        if name == "cis":
            return Call("^", (Symbol("\\e"), multiply(IMAGINARY, _radians(arguments[0]))))
        if name in ("log", "ln"):
            given = Symbol("\\e") if name == "ln" else base
            return Call("log", arguments if given is None else (*arguments, given))
        if base is not None:
            raise UnreadableError(f"a subscript of {name}")
        if name in ("det", "arg", "Re", "Im"):
            return Call("f:" + name, arguments)
        return Call(name, arguments)

    def _log_base(self) -> Node:
        """`2` of `\\log_2 3` and of `\\log_23`; `10` of `\\log_10 5`."""
        token, after = self.peek(), self.peek(1)
        if token is None or token.kind != "number":
            return self.script()
        if len(token.text) > 1 and (after is None or after.text in _ENDS_FACTOR):
            return self.tex_argument()
        return self.primary_number(self.take())

    def _arguments(self, name: str) -> tuple[Node, ...]:
        if self.sees("(", "[", "{") or (name in MANY_ARGUMENTS and self.sees("\\{")):
            found = self.bracketed()
            if not found:
                raise UnreadableError(f"{name} of nothing")
            return found if len(found) > 1 or name in MANY_ARGUMENTS else (self._after_bracket(found[0]),)
        factors: list[Node] = []
        while (token := self.peek()) is not None and not self._ends_argument(token, bool(factors)):
            if token.text in _OVER:
                if self.slash_ends or not all(_is_angle(factor) for factor in factors):
                    break
                self.position += 1
                factors.append(Call("^", (self.power(), MINUS_ONE)))
            else:
                factors.append(self.power())
        if not factors and self.sees("-"):
            self.position += 1
            factors.append(negative(self.power()))
        if not factors:
            raise UnreadableError(f"{name} of nothing")
        return (self._product_of(factors),)

    def _after_bracket(self, node: Node) -> Node:
        """`\\sin(30)^\\circ` means an angle of thirty degrees."""
        if self.sees("^"):
            saved = self.position
            self.position += 1
            if self._accepts_degree():
                return Call("deg", (node,))
            self.position = saved
        return node

    @staticmethod
    def _ends_argument(token: Token, begun: bool) -> bool:
        if token.kind == "text" or (token.kind == "command" and token.text[1:] in FUNCTIONS):
            return begun or token.kind == "text"
        if token.kind == "number":
            return begun
        return token.kind in ("char", "command") and token.text in _ENDS_FACTOR and token.text not in (*_OVER, "|")

    def _product_of(self, factors: list[Node]) -> Node:
        if any(isinstance(factor, Matrix) for factor in factors):
            return self.matrix_product(factors)
        return multiply(*factors)

    def _matrix_sum(self, terms: list[Node]) -> Node:
        if any(isinstance(term, Matrix) for term in terms):
            return self.matrix_sum(terms)
        return add(*terms)


def _radians(angle: Node) -> Node:
    if isinstance(angle, Call) and angle.head == "deg":
        return multiply(angle.args[0], Symbol("\\pi"), divide(integer(1), integer(180)))
    return angle


def _is_angle(node: Node) -> bool:
    return isinstance(node, Number) or node == Symbol("\\pi") or (isinstance(node, Call) and node.head in ("*", "deg"))
