"""Python values as JSON, between a process that runs a model's code and one that must not: exact types, nothing else.

An object of a class of the model's own never crosses: not its `__eq__`, not its `__hash__`. Mutable containers travel
as a heap, so that what is shared or cyclic stays so, and what a call has changed in its arguments can be copied back:
both sides number them alike, and the receiver fills the objects it already has.

    encoder = Encoder()
    message = {"arguments": [encoder.value(a) for a in arguments], "heap": encoder.heap()}
    objects = fill(message["heap"], [])                 # there
    arguments = [value(a, objects) for a in message["arguments"]]
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

MAX_DEPTH = 200
MAX_ITEMS = 2_000_000
_EXACT_FLOAT = 1 << 53

Json = Any


class UnsendableError(TypeError):
    """A value that has no place outside: of a class of its own, too deep, or without an end."""


class MalformedError(ValueError):
    """JSON that no Encoder writes."""


class Opaque:
    """Stands for an object that did not cross: true, and equal to nothing but itself."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __repr__(self) -> str:
        return f"<an object of type {self._kind}>"


class Encoder:
    """objects: mutable containers that the other side knows already, by their position. opaque: an object of another
    class is sent as an `Opaque`, which else is an UnsendableError."""

    def __init__(self, objects: Iterable[Any] = (), *, opaque: bool = False) -> None:
        self._opaque = opaque
        self.objects: list[Any] = list(objects)
        self._places = {id(item): place for place, item in enumerate(self.objects)}
        self._items = 0

    def value(self, item: Any, depth: int = 0) -> Json:
        """Raises UnsendableError."""
        self._count(1 if depth <= MAX_DEPTH else MAX_ITEMS + 1)
        kind = type(item)
        if item is None or kind is bool or kind is str:
            return item
        if kind is int:
            return item if -_EXACT_FLOAT < item < _EXACT_FLOAT else {"i": hex(item)}
        if kind is float:
            return {"f": item.hex()}
        if kind in _HEAP_TAGS:
            return {"@": self._place(item)}
        return self._immutable(item, kind, depth + 1)

    def heap(self) -> list[Json]:
        """The contents of every container met so far, and of those within them."""
        contents: list[Json] = []
        while len(contents) < len(self.objects):
            item = self.objects[len(contents)]
            tag, parts = _HEAP_TAGS[type(item)], list(_parts(item))
            if _plain(parts):
                self._count(len(parts))
            else:
                parts = [self.value(part, 1) for part in parts]
            contents.append([tag, parts])
        return contents

    def _count(self, items: int) -> None:
        self._items += items
        if self._items > MAX_ITEMS:
            raise UnsendableError("a value that is nested too deeply or too large")

    def _place(self, item: Any) -> int:
        place = self._places.get(id(item))
        if place is None:
            place = self._places[id(item)] = len(self.objects)
            self.objects.append(item)
        return place

    def _immutable(self, item: Any, kind: type, depth: int) -> Json:
        if kind.__module__ == "numpy" and hasattr(item, "item") and not getattr(item, "shape", None):
            return self.value(item.item(), depth + 1)
        if kind in _AS_TEXT:
            tag, write = _AS_TEXT[kind]
            return {tag: write(item)}
        parts_tag, parts = _tagged_parts(item, kind)
        if parts_tag is not None:
            return {parts_tag: [self.value(part, depth) for part in parts]}
        if self._opaque:
            return {"o": kind.__name__[:80]}
        raise UnsendableError(f"an object of type {kind.__name__}")


_AS_TEXT: dict[type, tuple[str, Callable[[Any], Json]]] = {
    bytes: ("b", lambda item: item.decode("latin-1")),
    complex: ("c", lambda item: [item.real.hex(), item.imag.hex()]),
    Decimal: ("D", str),
}


def _tagged_parts(item: Any, kind: type) -> tuple[str | None, Iterable[Any]]:
    if issubclass(kind, tuple):  # named tuples are equal to plain ones
        return "t", tuple.__iter__(item)
    if kind in _ITERATED:
        return _ITERATED[kind], item
    if kind is range:
        return "r", (item.start, item.stop, item.step)
    if kind is Fraction:
        return "F", (item.numerator, item.denominator)
    if isinstance(item, Iterator):
        return "n", itertools.islice(item, MAX_ITEMS + 1)
    return None, ()


_HEAP_TAGS: dict[type, str] = {
    list: "l",
    dict: "d",
    set: "s",
    bytearray: "y",
    collections.deque: "q",
    collections.Counter: "C",
    collections.OrderedDict: "O",
    collections.defaultdict: "d",
}
_NEW: dict[str, type] = {
    "l": list,
    "d": dict,
    "s": set,
    "y": bytearray,
    "q": collections.deque,
    "C": collections.Counter,
    "O": collections.OrderedDict,
}
_ITERATED: dict[type, str] = {
    frozenset: "z",
    type({}.keys()): "K",  # views are equal to no list
    type({}.values()): "V",
    type({}.items()): "I",
}


def _parts(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return [part for pair in item.items() for part in pair]
    return item


def _plain(parts: list[Any]) -> bool:
    """Whether JSON has all of them as they are: found out without a step of Python for each, as long lists of numbers
    are what tests pass most."""
    kinds = set(map(type, parts))
    if kinds == {int}:
        return -_EXACT_FLOAT < min(parts) <= max(parts) < _EXACT_FLOAT
    return kinds <= {str, bool, type(None)}


def fill(heap: Json, known: list[Any]) -> list[Any]:
    """The containers of a heap. known: those that are here already, which are emptied and filled anew.

    Raises MalformedError, and TypeError for what cannot be in a set or a key.
    """
    if type(heap) is not list or len(heap) > MAX_ITEMS or len(heap) < len(known):
        raise MalformedError("a heap that is not a list of the right length")
    objects = list(known)
    for entry in heap:
        if type(entry) is not list or len(entry) != 2 or entry[0] not in _NEW or type(entry[1]) is not list:
            raise MalformedError("a container without a tag")
    objects += [_NEW[tag]() for tag, _ in heap[len(known) :]]
    for item, (tag, parts) in zip(objects, heap, strict=True):
        if _HEAP_TAGS[type(item)] != tag:
            raise MalformedError("a container that has changed its type")
        _refill(item, parts if _plain(parts) else [value(part, objects) for part in parts])
    return objects


def _refill(item: Any, parts: list[Any]) -> None:
    if isinstance(item, dict):
        if len(parts) % 2:
            raise MalformedError("a mapping with an odd number of parts")
        item.clear()
        for key, part in zip(parts[::2], parts[1::2], strict=True):
            item[key] = part
    elif isinstance(item, bytearray):
        item[:] = bytes(parts)
    else:
        item.clear()
        if isinstance(item, set):
            item.update(parts)
        else:
            item.extend(parts)


def value(json: Json, objects: list[Any], depth: int = 0) -> Any:
    """What an Encoder was given. Raises MalformedError."""
    if json is None or type(json) in (bool, str, int):
        return json
    if depth > MAX_DEPTH or type(json) is not dict or len(json) != 1:
        raise MalformedError("a value that no encoder writes")
    ((tag, body),) = json.items()
    try:
        return _tagged(tag, body, objects, depth + 1)
    except (IndexError, OverflowError, ZeroDivisionError, InvalidOperation, UnicodeError, AttributeError) as problem:
        raise MalformedError(f"{tag}: {problem}") from problem


def _tagged(tag: str, body: Json, objects: list[Any], depth: int) -> Any:
    if tag in _FROM_PARTS and type(body) is list:
        return _sequence(tag, [value(part, objects, depth) for part in body])
    if tag == "@" and type(body) is int and body >= 0:
        return objects[body]
    if tag == "c" and type(body) is list and len(body) == 2:
        return complex(float.fromhex(body[0]), float.fromhex(body[1]))
    if tag in _FROM_TEXT and type(body) is str:
        return _FROM_TEXT[tag](body)
    raise MalformedError(f"an unknown kind of value, {tag!r}")


_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "i": lambda text: int(text, 16),
    "f": float.fromhex,
    "b": lambda text: text.encode("latin-1"),
    "D": Decimal,
    "o": Opaque,
}
_FROM_PARTS: dict[str, Callable[[list[Any]], Any]] = {
    "t": tuple,
    "z": frozenset,
    "n": iter,
    "r": lambda parts: range(*parts),
    "F": lambda parts: Fraction(*parts),
    "K": lambda parts: dict.fromkeys(parts).keys(),
    "V": lambda parts: dict(enumerate(parts)).values(),
    "I": lambda parts: dict(parts).items(),
}


def _sequence(tag: str, parts: list[Any]) -> Any:
    if tag in "rF" and not all(type(part) is int for part in parts):
        raise MalformedError("a range or fraction of what are no integers")
    if tag == "I" and not all(type(part) is tuple and len(part) == 2 for part in parts):
        raise MalformedError("items that are no pairs")
    return _FROM_PARTS[tag](parts)
