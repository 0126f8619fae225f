"""JSON and what Python prints are read to the same values; nothing is called, and nothing else is read."""

import ast
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.text import Unreadable

VALUES = [
    ("[1, 2]", [1, 2]),
    ("(1, 2,)", [1, 2]),
    ("['a', \"b\"]", ["a", "b"]),
    ('{"0": 1, "1": 2}', {"0": 1, "1": 2}),
    ("{0: 1}", {"0": 1}),
    ('\\{"0": 1\\}', {"0": 1}),
    ("[true, False, null, None]", [True, False, None, None]),
    ("-1.5e-3", Decimal("-0.0015")),
    ('"a\\u007b\\n"', "a{\n"),
    ("```json\n[1]\n```", [1]),
    ("`[1]`", [1]),
    ("[]", []),
    ("{}", {}),
    (" [ [ ] , [ ] ] ", [[], []]),
    ("\\text{[1]}", [1]),
]
REFUSED = [
    "", "[", "[1", "[1 2]", "[,]", "{1}", '{"a" 1}', '{"a": 1, "a": 2}', "[nan]", "NaN", "-Infinity", "[1] [2]", "[1].x",
    "f(1)", "[1 for x in y]", "lambda: 1", "1 + 1", "'a' 'b'", "'a", "{[1]: 2}", "__import__('os')", "[0x10]", "1_000", "b'a'",
    "[1]*2", "...", "{**a}", "True or 1", "1j", "[" * 60 + "]" * 60,
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text: str, value: object) -> None:
    assert literal(text) == value


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        literal(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_json_and_repr_write_is_read_back(value: object) -> None:
    assert literal(json.dumps(value)) == value
    assert literal(json.dumps(value, ensure_ascii=False, indent=1)) == value


@given(st.lists(st.text(alphabet="ab\"'\\\n{}", max_size=6), max_size=4))
def test_python_s_lists_are_read_as_python_reads_them(value: list[str]) -> None:
    assert literal(repr(value)) == ast.literal_eval(repr(value)) == value


def test_a_number_of_too_many_digits_is_refused_at_once() -> None:
    with pytest.raises(Unreadable):
        literal("9" * 1_000_000)
    with pytest.raises(Unreadable, match="deeper"):
        literal("[" * 100_000)


def test_too_many_values_are_refused() -> None:
    with pytest.raises(Unreadable, match="more than"):
        literal("[" + "1," * 100_001 + "]")
