"""A window on a list of tokens, which the parsers share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from verifiers.math.lexer import Token
from verifiers.math.limits import MAX_RECURSION, MAX_TREE_DEPTH, UnreadableError, check_depth
from verifiers.math.nodes import Node, depth

_LOOK_EVERY = 10


class Cursor:
    """`position` moves to `end`; `within` looks at a part of the tokens and comes back.

    slash_ends: whether a slash ends the argument of a function that is written without brackets."""

    def __init__(self, tokens: list[Token], slash_ends: bool = False) -> None:
        self.tokens = tokens
        self.slash_ends = slash_ends
        self.position = 0
        self.end = len(tokens)
        self._depth = 0
        self._wrapped = 0

    @contextmanager
    def within(self, start: int, end: int) -> Iterator[None]:
        saved = self.position, self.end
        self._depth += 1
        check_depth(self._depth, MAX_RECURSION)
        self.position, self.end = start, end
        try:
            yield
        finally:
            self.position, self.end = saved
            self._depth -= 1

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count one level of recursion that no bracket shows: `\\sqrt\\sqrt2`, `2^3^4`."""
        self._depth += 1
        check_depth(self._depth, MAX_RECURSION)
        try:
            yield
        finally:
            self._depth -= 1

    def wrap(self, node: Node) -> Node:
        """Count a node that is laid around what has been read: `5!!!!` nests without recursion."""
        self._wrapped += 1
        if self._wrapped % _LOOK_EVERY == 0:
            check_depth(depth(node), MAX_TREE_DEPTH)
        return node

    def peek(self, ahead: int = 0) -> Token | None:
        index = self.position + ahead
        return self.tokens[index] if index < self.end else None

    def sees(self, *texts: str) -> bool:
        """Whether the next token is one of `texts`, as a sign or a command."""
        token = self.peek()
        return token is not None and token.kind in ("char", "command") and token.text in texts

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise UnreadableError("it ends too early")
        self.position += 1
        return token

    def accept(self, *texts: str) -> bool:
        if self.sees(*texts):
            self.position += 1
            return True
        return False

    def split(self, *texts: str) -> list[tuple[int, int]]:
        """The parts between tokens of `texts` that no bracket holds; `and` and `or` are texts."""
        parts, start, index = [], self.position, self.position
        while index < self.end:
            token = self.tokens[index]
            if token.match > index:
                index = token.match
            elif token.text in texts and token.kind != "letter":
                parts.append((start, index))
                start = index + 1
            index += 1
        parts.append((start, self.end))
        return parts

    def joint(self, start: int, end: int) -> str:
        """Which of `and` and `or` stand in tokens[start:end] outside brackets: Group.joint."""
        with self.within(start, end):
            found = [word for word in ("and", "or") if len(self.split(word)) > 1]
        return "mixed" if len(found) > 1 else "".join(found)
