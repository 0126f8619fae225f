"""The smallest parts of an expression: numbers, names, fractions, roots, brackets."""

from __future__ import annotations

from verifiers.math.lexer import Token, known_greek
from verifiers.math.limits import UnreadableError
from verifiers.math.nodes import (
    EULER,
    IMAGINARY,
    INFINITY,
    PI,
    Call,
    Group,
    Matrix,
    Node,
    Symbol,
    add,
    divide,
    integer,
    multiply,
)
from verifiers.math.numerals import Numerals
from verifiers.math.vocabulary import DECORATIONS, FUNCTIONS, MATRICES, SYNONYMS

_LETTERS = {"e": EULER, "i": IMAGINARY}
_UNKNOWN_FUNCTIONS = frozenset("fghpqCFGHPQTVW")
_BARS = {"|": "|", "\\|": "\\|", "\\lvert": "\\rvert", "\\lVert": "\\rVert"}
_ROUNDING = {"\\lfloor": "floor", "\\lceil": "ceil"}
_BEFORE_OPERAND = frozenset(
    (*"([{+-*/=<>,;", "<=", ">=", "!=", "\\cdot", "\\times", "\\div", "\\{", "\\le", "\\leq", "\\ge")
)


class Atoms(Numerals):
    """Primaries. Sums and products come from the class that extends this one, brackets' contents from the next."""

    def sum(self) -> Node:
        raise NotImplementedError

    def power(self) -> Node:
        raise NotImplementedError

    def function(self, name: str) -> Node:
        raise NotImplementedError

    def items(self, start: int, end: int) -> tuple[Node, ...]:
        raise NotImplementedError

    def matrix(self, environment: str, start: int, end: int) -> Matrix:
        raise NotImplementedError

    def primary(self) -> Node:
        with self.deeper():
            return self._primary(self.take())

    def _primary(self, token: Token) -> Node:  # noqa: PLR0911 - one return a kind
        if token.kind == "number":
            return self.number(token)
        if token.kind == "letter":
            return self._letter(token)
        if token.kind == "text":
            return self._text(token)
        if token.text in ("(", "[", "{", "\\{", "\\langle"):
            self.position -= 1
            return self._bracket()
        if token.text in _BARS:
            return self._absolute(token)
        if token.text in _ROUNDING:
            self.position -= 1
            return Call(_ROUNDING[token.text], (self.group(),))
        if token.kind == "command":
            return self._command(token)
        raise UnreadableError(f"{token.text!r} where a value should stand")

    def _letter(self, token: Token) -> Node:
        if self.sees("_"):
            return self._subscripted(token.text)
        if token.text in _UNKNOWN_FUNCTIONS and (name := self._function_name(token.text)) is not None:
            return self._application(name)
        return _LETTERS.get(token.text) or Symbol(token.text)

    def _function_name(self, letter: str) -> str | None:
        """`f`, `f'` or `f^-1` before a parenthesis; None where none follows."""
        ahead, name = 0, letter
        while (token := self.peek(ahead)) is not None and token.text == "'":
            ahead, name = ahead + 1, name + "'"
        inverse = [token.text for token in self.tokens[self.position : min(self.position + 5, self.end)]]
        if inverse == ["^", "{", "-", "1", "}"]:
            ahead, name = 5, letter + "^-1"
        token = self.peek(ahead)
        if token is None or token.text != "(":
            return None
        self.position += ahead
        return name

    def _subscripted(self, name: str) -> Symbol:
        """`x_1`, `x_{n+1}`: a name of its own."""
        self.position += 1
        opening = self.take()
        if opening.text == "{" and opening.match > 0:
            inside = "".join(t.text for t in self.tokens[self.position : opening.match])
            self.position = opening.match + 1
        else:
            inside = opening.text
        name = f"{name}_{inside}"
        return Symbol(name)

    def _application(self, name: str) -> Node:
        """`f(x)`; but `p(x+1)` may be a product, so that only names and numbers make it a function."""
        opening = self.peek()
        assert opening is not None
        inside = self.tokens[self.position + 1 : opening.match]
        if (
            any(token.kind not in ("letter", "number") and token.text not in (",", "-") for token in inside)
            or not inside
        ):
            return Symbol(name)
        arguments = self.bracketed()
        if name == "C" and len(arguments) == 2:
            return Call("binom", arguments)
        return Call(f"f:{name}", arguments)

    def _text(self, token: Token) -> Node:
        if token.text in ("and", "or"):
            raise UnreadableError(f"{token.text!r} within an expression")
        following = self.peek()
        if following is not None and following.kind == "text":
            raise UnreadableError("words")
        return Symbol(token.text if len(token.text) == 1 else f"\\text{{{token.text.casefold()}}}")

    def _command(self, token: Token) -> Node:  # noqa: PLR0911 - one return a kind
        name = token.text[1:]
        match name:
            case "frac":
                top = self.tex_argument()
                return divide(top, self.tex_argument())
            case "sqrt" | "surd" | "cbrt":
                return self._root(name)
            case "binom":
                top = self.tex_argument()
                return Call("binom", (top, self.tex_argument()))
            case "infty":
                return INFINITY
            case "pi":
                return PI
            case "emptyset":
                return Group("\\{", "\\}", ())
            case "begin":
                return self._environment(token)
            case "angle" | "triangle" | "measuredangle":
                return self.primary()
        if name in FUNCTIONS or name in SYNONYMS:
            return self.function(name)
        if name in DECORATIONS:
            return self._decorated(name)
        if known_greek(token):
            return self._subscripted(token.text) if self.sees("_") else Symbol(token.text)
        raise UnreadableError(f"{token.text} is not in the grammar")

    def _root(self, name: str) -> Node:
        degree: Node = integer(3 if name == "cbrt" else 2)
        if name != "cbrt" and self.sees("["):
            degree = self.group()
        radicand = self.group() if self.sees("{", "(") else self.primary()
        return Call("root", (radicand, degree))

    def _decorated(self, name: str) -> Node:
        """`\\vec{a}`, `\\overline{AB}`: a name; what is drawn above it belongs to it."""
        opening = self.take()
        if opening.text != "{":
            return Symbol(f"\\{name}{{{opening.text}}}")
        inside = "".join(token.text for token in self.tokens[self.position : opening.match])
        self.position = opening.match + 1
        if name == "overline" and len(inside) == 2 and inside.isalpha() and inside.isupper():
            return multiply(*map(Symbol, inside))  # a segment by its end points
        return Symbol(f"\\{name}{{{inside}}}")

    def tex_argument(self) -> Node:
        """A group, or what TeX takes without one: a single digit, letter or command."""
        token = self.peek()
        if token is None:
            raise UnreadableError("a command without its argument")
        if token.text == "{":
            return self.group()
        if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            first, token.text = token.text[0], token.text[1:]
            return integer(int(first))
        return self.primary_number(self.take()) if token.kind == "number" else self.primary()

    def group(self) -> Node:
        """What one bracket holds, as one value."""
        inside = self.bracketed()
        if len(inside) != 1:
            raise UnreadableError(f"{len(inside)} items where one value should stand")
        return inside[0]

    def bracketed(self) -> tuple[Node, ...]:
        opening = self.take()
        items = self.items(self.position, opening.match)
        self.position = opening.match + 1
        return items

    def _bracket(self) -> Node:  # noqa: PLR0911 - one return a kind
        opening = self.peek()
        assert opening is not None
        if opening.text == "\\{" and (node := self._builder(opening)) is not None:
            return node
        if opening.text == "{" and (node := self._chosen(opening)) is not None:
            return node
        closing = self.tokens[opening.match].text
        joint = self.joint(self.position + 1, opening.match)
        items = self.bracketed()
        kind = {"\\langle": "<", "{": ""}.get(opening.text, opening.text)
        if opening.text == "\\{":
            return Group("\\{", "\\}", items)
        if len(items) == 1 and opening.text != "\\langle":
            return items[0]
        if not items:
            raise UnreadableError("empty brackets")
        if joint in ("or", "mixed"):
            return Group("", "", items, joint)
        if kind in ("", "<"):
            return Group(kind, {"": "", "<": ">"}[kind], items)
        return Group(opening.text, closing, items)

    def _builder(self, opening: Token) -> Node | None:
        """`\\{x \\mid x>2\\}` says no more than its condition."""
        name, bar, conditions_at = self.peek(1), self.peek(2), 3
        if bar is not None and bar.text == "\\in":  # `\\{x\\in\\mathbb{R}\\mid x>2\\}`
            reals = [token.text for token in self.tokens[self.position + 3 : self.position + 7]]
            conditions_at = 8 if reals == ["\\mathbb", "{", "R", "}"] else 6 if reals[:2] == ["\\mathbb", "R"] else 3
            bar = self.peek(conditions_at - 1)
        if name is None or bar is None or name.kind != "letter" or bar.text not in ("|", ":"):
            return None
        conditions = self.items(self.position + conditions_at, opening.match)
        joint = self.joint(self.position + conditions_at, opening.match)
        self.position = opening.match + 1
        return conditions[0] if len(conditions) == 1 else Group("", "", conditions, joint)

    def _chosen(self, opening: Token) -> Node | None:
        """`{n \\choose k}`."""
        at = next((i for i in range(self.position, opening.match) if self.tokens[i].text == "\\choose"), None)
        if at is None:
            return None
        start, end = self.position + 1, opening.match
        pair = (*self.items(start, at), *self.items(at + 1, end))
        self.position = end + 1
        if len(pair) != 2:
            raise UnreadableError("\\choose without two values")
        return Call("binom", pair)

    def _absolute(self, token: Token) -> Node:
        closing = token.match if token.match > 0 else self._closing_bar(token.text)
        inside = self.items(self.position, closing)
        self.position = closing + 1
        if len(inside) != 1:
            raise UnreadableError("bars that hold no single value")
        return Call("abs", inside)

    def _closing_bar(self, bar: str) -> int:
        """The partner of a bar that has just been taken. A bar after an operator opens, any other closes."""
        depth, index = 1, self.position
        while index < self.end:
            token = self.tokens[index]
            if token.match > index:
                index = token.match
            elif token.text == bar and token.kind != "letter":
                before = self.tokens[index - 1]
                opens = before.text in _BEFORE_OPERAND or (before.text == bar and index - 1 < self.position + depth - 1)
                depth += 1 if opens else -1
                if depth == 0:
                    return index
            index += 1
        raise UnreadableError("a bar without its partner")

    def _environment(self, token: Token) -> Node:
        """A matrix; a determinant has no value here: only a reference's is computed (matrices.determinants)."""
        name_group = self.take()
        if name_group.text != "{":
            raise UnreadableError("\\begin without a name")
        name = "".join(t.text for t in self.tokens[self.position : name_group.match])
        if name not in MATRICES and name != "vmatrix":
            raise UnreadableError(f"the environment {name}")
        start, end = name_group.match + 1, token.match
        matrix = self.matrix(name, start, end)
        self.position = end + 1
        closing = self.take()
        if closing.text != "{":
            raise UnreadableError("\\end without a name")
        self.position = closing.match + 1
        return Call("f:det", (matrix,)) if name == "vmatrix" else matrix

    def matrix_power(self, base: Matrix, exponent: Node) -> Node:
        if exponent == Symbol("T") or exponent == Symbol("\\text{t}"):
            return Matrix(tuple(zip(*base.rows, strict=True)))
        raise UnreadableError("a power of a matrix")

    def matrix_sum(self, terms: list[Node]) -> Matrix:
        matrices = [term for term in terms if isinstance(term, Matrix)]
        if len(matrices) != len(terms) or any(m.shape != matrices[0].shape for m in matrices):
            raise UnreadableError("a sum of matrices of different shapes")
        rows = zip(*(m.rows for m in matrices), strict=True)
        return Matrix(tuple(tuple(add(*entries) for entries in zip(*row, strict=True)) for row in rows))

    def matrix_product(self, factors: list[Node]) -> Node:
        raise NotImplementedError
