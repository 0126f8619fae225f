"""What crosses between the boxes: exact types, sharing, changes; and what does not."""

import collections
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.code.inside.callee import call
from verifiers.code.inside.tester import CandidateError, received
from verifiers.code.values import MAX_ITEMS, Encoder, MalformedError, Opaque, UnsendableError, fill, value


def crossed(item: Any, **options: Any) -> Any:
    """`item` as the other side gets it, through JSON."""
    encoder = Encoder(**options)
    encoded, heap = json.loads(json.dumps([encoder.value(item), encoder.heap()]))
    return value(encoded, fill(heap, []))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
)
HASHABLE = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=6)
ANYTHING = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
        | st.tuples(inner)
        | st.builds(collections.deque, st.lists(inner, max_size=3))
    ),
    max_leaves=20,
)


@given(ANYTHING)
def test_a_value_arrives_as_it_was(item: Any) -> None:
    arrived = crossed(item)
    assert arrived == item
    assert type(arrived) is type(item)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (2**64, 2**64),
        (-(2**53), -(2**53)),
        (float("inf"), float("inf")),
        (-0.0, "-0.0"),
        (range(1, 9, 2), range(1, 9, 2)),
        (collections.Counter("abca"), {"a": 2, "b": 1, "c": 1}),
        (collections.OrderedDict(b=1, a=2), collections.OrderedDict(b=1, a=2)),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (collections.namedtuple("P", "x y")(1, 2), (1, 2)),
        ({"a": 1}.keys(), {"a": 2}.keys()),
        ({"a": [1]}.items(), {"a": [1]}.items()),
        (bytearray(b"ab"), bytearray(b"ab")),
        (Decimal("1.50"), Decimal("1.50")),
        (Fraction(1, 3), Fraction(1, 3)),
        ("\udcff\u0000", "\udcff\u0000"),
    ],
)
def test_kinds(item: Any, expected: Any) -> None:
    arrived = crossed(item)
    assert (repr(arrived) if expected == "-0.0" else arrived) == expected


@pytest.mark.parametrize("view", [{"a": 1}.keys(), {1: "a", 2: "a"}.values(), {"a": [1]}.items()])
def test_a_view_of_a_dictionary_is_equal_to_no_list(view: Any) -> None:
    arrived = crossed(view)
    assert type(arrived) is type(view)
    assert list(arrived) == list(view)
    assert arrived != list(view)


EDGE = 2**53
LISTS: list[list[Any]] = [
    [],
    [EDGE - 1, -EDGE + 1],
    [0, EDGE],
    [0, -EDGE],
    [10**5000, 0],
    [0, -(10**5000)],
    ["a", 10**5000],
    [1, True, None, "a"],
    [True, False],
    [None, "a", True],
    ["a", 1.0],
    [1, 1.5],
    [1, [2, [3]]],
]


@pytest.mark.parametrize("items", LISTS)
@pytest.mark.parametrize("kind", [list, collections.deque])
def test_the_items_of_a_list_keep_their_types(items: list[Any], kind: type) -> None:
    arrived = crossed(kind(items))
    assert [(type(item), item) for item in arrived] == [(type(item), item) for item in items]


def test_a_long_list_counts_item_by_item() -> None:
    assert crossed([0] * (MAX_ITEMS - 1)) == [0] * (MAX_ITEMS - 1)
    with pytest.raises(UnsendableError, match="too large"):
        crossed([0] * MAX_ITEMS)
    half = [0] * (MAX_ITEMS // 2)
    with pytest.raises(UnsendableError, match="too large"):
        crossed([half, list(half)])


def test_a_list_of_another_class_s_numbers_is_looked_at_one_by_one() -> None:
    with pytest.raises(UnsendableError, match="OwnInt"):
        crossed([1, OwnInt(2)])


@pytest.mark.parametrize(
    "made", [lambda: iter([1, 2]), lambda: map(abs, [-1, 2]), lambda: (i for i in (1, 2)), lambda: zip([1, 2])]
)
def test_an_iterator_arrives_as_one(made: Any) -> None:
    arrived = crossed(made())
    assert iter(arrived) is arrived
    assert list(arrived) == list(made())


def test_sharing_and_cycles_stay() -> None:
    inner: list[int] = [1]
    first, second = crossed([inner, inner])
    assert first is second
    inner.append(inner)  # type: ignore[arg-type]
    arrived = crossed(inner)
    assert arrived[1] is arrived


class Own:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class OwnInt(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@pytest.mark.parametrize("item", [Own(), OwnInt(3), Own, len, type("L", (list,), {})(), object()])
def test_objects_of_other_classes_do_not_cross(item: Any) -> None:
    with pytest.raises(UnsendableError, match="an object of type"):
        crossed(item)
    arrived = crossed([item], opaque=True)[0]
    assert type(arrived) is Opaque
    assert arrived
    assert arrived != 3
    assert arrived != item or type(item).__eq__ is not object.__eq__


def test_what_has_no_end_is_refused() -> None:
    import itertools

    deep: Any = ()
    for _ in range(300):
        deep = (deep,)
    for item in (itertools.count(), deep):
        with pytest.raises(UnsendableError, match="too deeply or too large"):
            crossed(item)


MALFORMED = [
    [1],
    {},
    {"x": 1},
    {"l": []},
    {"@": 0},
    {"@": -1},
    {"@": "0"},
    {"i": "zz"},
    {"i": 5},
    {"f": "x"},
    {"f": 1},
    {"b": "π"},
    {"c": ["1"]},
    {"r": [1, 2, 0]},
    {"r": ["a"]},
    {"r": []},
    {"F": [1, 0]},
    {"F": [{"f": "0x1p0"}, 1]},
    {"D": "x"},
    {"t": {}},
    {"I": [1]},
    {"I": [{"t": [1, 2]}, "ab"]},
    {"I": [{"t": [1]}]},
    {"I": [{"t": [1, 2, 3]}]},
    {"t": [{"t": [{"x": 1}]}]},
    {"i": "1", "f": "0x1p0"},
    1.5,
]


@pytest.mark.parametrize("json_", MALFORMED, ids=str)
def test_what_no_encoder_writes_is_refused(json_: Any) -> None:
    with pytest.raises((MalformedError, ValueError, TypeError)):
        value(json_, [])


@pytest.mark.parametrize(
    "heap",
    [None, {}, [1], [["l"]], [["x", []]], [["l", {}]], [["d", [1]]], [["y", [300]]], [["s", [{"@": 0}]]], [[[], []]]],
    ids=str,
)
def test_a_malformed_heap_is_refused(heap: Any) -> None:
    with pytest.raises((MalformedError, ValueError, TypeError)):
        fill(heap, [])


def called(function: Any, *arguments: Any, **keywords: Any) -> Any:
    """As a test calls a proxy, in one process: out, the call, and back, with the changes to the arguments."""
    encoder = Encoder()
    message = {
        "call": "f",
        "arguments": [encoder.value(item) for item in arguments],
        "keywords": {key: encoder.value(item) for key, item in keywords.items()},
        "heap": encoder.heap(),
    }
    reply = call({"f": function}, {}, json.loads(json.dumps(message)))
    return received(json.loads(json.dumps(reply)), encoder.objects)


def test_changed_arguments_are_copied_back() -> None:
    numbers, table, seen, inner = [3, 1, 2], {"a": [1]}, {1}, [0]

    def change(numbers: list, table: dict, seen: set, nested: list) -> list:
        numbers.sort()
        table["a"].append(2)
        table["b"] = numbers
        seen.add(2)
        nested[0].append(1)
        return numbers

    held = table["a"]
    result = called(change, numbers, table, seen, [inner])
    assert result is numbers
    assert numbers == [1, 2, 3]
    assert table == {"a": [1, 2], "b": [1, 2, 3]}
    assert table["a"] is held
    assert table["b"] is numbers
    assert (seen, inner) == ({1, 2}, [0, 1])


def test_a_call_returns_or_raises_as_it_would_here() -> None:
    assert called(lambda a, b=1: (a, b), 2, b=3) == (2, 3)
    with pytest.raises(ZeroDivisionError, match=r"^integer division or modulo by zero$"):
        called(lambda: 1 // 0)
    with pytest.raises(CandidateError, match="Own2: no"):
        called(lambda: (_ for _ in ()).throw(type("Own2", (Exception,), {})("no")))
    with pytest.raises(CandidateError, match="StopIteration"):
        called(lambda: next(iter(())))
    with pytest.raises(CandidateError, match="can't decode byte 0xff"):
        called(b"\xff".decode)


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"result": 1},
        {"result": 1, "heap": 3},
        {"result": {"@": 9}, "heap": []},
        {"raised": 5},
        {"raised": "len", "text": 1},
    ],
    ids=str,
)
def test_an_answer_that_is_none_fails_the_test(reply: Any) -> None:
    with pytest.raises((CandidateError, MalformedError)):
        received(reply, [])


def test_a_container_keeps_its_type() -> None:
    with pytest.raises(MalformedError, match="changed its type"):
        received({"result": None, "heap": [["d", []]]}, [[1]])
