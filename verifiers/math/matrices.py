"""Matrices as answers write them, and their arithmetic entry by entry."""

from __future__ import annotations

from functools import reduce

from verifiers.math.arithmetic import Arithmetic
from verifiers.math.exact import rational
from verifiers.math.limits import MAX_DETERMINANT, MAX_ENTRIES, MAX_NODES, RefusedError, UnreadableError
from verifiers.math.nodes import Call, Matrix, Node, Number, add, multiply, negative, size
from verifiers.math.rewrite import mapped


class Matrices(Arithmetic):
    def matrix(self, environment: str, start: int, end: int) -> Matrix:
        """Rows between `\\\\`, entries between `&`; an array's column specification is skipped."""
        if environment == "array" and start < end and self.tokens[start].text == "{":
            start = self.tokens[start].match + 1
        rows: list[tuple[Node, ...]] = []
        with self.within(start, end):
            for first, last in self.split("\\\\", "\\hline", "\\cr"):
                if first < last:
                    with self.within(first, last):
                        rows.append(tuple(self._entry(*cell) for cell in self.split("&")))
        if not rows or any(len(row) != len(rows[0]) for row in rows):
            raise UnreadableError("a matrix whose rows differ in length")
        if len(rows) * len(rows[0]) > MAX_ENTRIES:
            raise RefusedError(f"a matrix of more than {MAX_ENTRIES} entries")
        return Matrix(tuple(rows))

    def _entry(self, start: int, end: int) -> Node:
        found = self.items(start, end)
        if len(found) != 1:
            raise UnreadableError("a matrix entry that is no single value")
        return found[0]

    def matrix_product(self, factors: list[Node]) -> Node:
        """Scalars times the matrices in their order."""
        scalars = [factor for factor in factors if not isinstance(factor, Matrix)]
        matrices = [factor for factor in factors if isinstance(factor, Matrix)]
        product = reduce(_times, matrices)
        if not scalars:
            return product
        scalar = multiply(*scalars)
        return Matrix(tuple(tuple(multiply(scalar, entry) for entry in row) for row in product.rows))


def _times(left: Matrix, right: Matrix) -> Matrix:
    if left.shape[1] != right.shape[0]:
        raise UnreadableError("a product of matrices whose shapes do not fit")
    if left.shape[0] * right.shape[1] * left.shape[1] > MAX_ENTRIES:
        raise RefusedError(f"a matrix product of more than {MAX_ENTRIES} terms")
    columns = list(zip(*right.rows, strict=True))
    rows = tuple(
        tuple(_folded(add(*(multiply(a, b) for a, b in zip(row, column, strict=True)))) for column in columns)
        for row in left.rows
    )
    if sum(size(entry) for row in rows for entry in row) > MAX_NODES:
        raise RefusedError(f"a matrix product of more than {MAX_NODES} parts")
    return Matrix(rows)


def _folded(node: Node) -> Node:
    """A rational value as the number that it is, so that products of products stay small."""
    value = rational(node)
    return node if value is None else Number(value)


def determinants(node: Node) -> Node:
    """`node` with the determinants of small matrices computed: of a reference; an answer has to give the value."""
    return mapped(node, _determinant)


def _determinant(node: Node) -> Node | None:
    """By cofactors of the first row."""
    if not (
        isinstance(node, Call) and node.head == "f:det" and len(node.args) == 1 and isinstance(node.args[0], Matrix)
    ):
        return None
    rows = node.args[0].rows
    return _cofactors(rows) if len(rows) == len(rows[0]) <= MAX_DETERMINANT else None


def _cofactors(rows: tuple[tuple[Node, ...], ...]) -> Node:
    if len(rows) == 1:
        return rows[0][0]
    minors = [tuple(row[:column] + row[column + 1 :] for row in rows[1:]) for column in range(len(rows))]
    terms = [multiply(entry, _cofactors(minor)) for entry, minor in zip(rows[0], minors, strict=True)]
    return _folded(add(*(negative(term) if column % 2 else term for column, term in enumerate(terms))))
