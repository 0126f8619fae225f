"""Formulas, against truth tables made by Python."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.logic.grammar.formula import MAX_VARIABLES, everything, formula
from verifiers.logic.grammar.text import Unreadable

LETTERS = ["P", "Q", "R"]
SAME = [
    ("P → Q", "P -> Q", "P => Q", "P \\rightarrow Q", "P \\implies Q", "P IMPLIES Q", "¬P ∨ Q"),
    ("P ↔ Q", "P <-> Q", "P \\iff Q", "P iff Q", "(P → Q) ∧ (Q → P)"),
    ("P ∧ Q", "P & Q", "P && Q", "P /\\ Q", "P \\land Q", "P and Q", "¬(¬P ∨ ¬Q)"),
    ("P ∨ Q", "P | Q", "P || Q", "P \\/ Q", "P \\lor Q", "P or Q"),
    ("¬P", "~P", "!P", "\\neg P", "not P", "¬¬¬P"),
    ("P ∨ Q ∧ R", "P ∨ (Q ∧ R)"),
    ("P ∧ Q → R", "(P ∧ Q) → R"),
    ("P → Q ↔ R", "(P → Q) ↔ R"),
    ("¬P ∧ Q", "(¬P) ∧ Q"),
]


@pytest.mark.parametrize("spellings", SAME)
def test_spellings_of_one_formula(spellings: tuple[str, ...]) -> None:
    assert len({formula(text, LETTERS).truth for text in spellings}) == 1


REFUSED = [
    "", "P Q", "P ∧", "∧ P", "(P", "P)", "S", "PQ", "p", "P → Q → R", "1", "True", "P = Q", "P ∧ ∧ Q", "¬", "()", "P.Q",
    "(" * 51 + "P" + ")" * 51, "P" + "∧P" * 2001, "lambda: P", "P if Q else R",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        formula(text, LETTERS)


def test_a_chain_of_arrows_is_refused_by_its_name() -> None:
    for text in ("P → Q → R", "(P → Q → R) ∧ P"):
        with pytest.raises(Unreadable, match="chain of arrows"):
            formula(text, LETTERS)


TREES = st.recursive(
    st.sampled_from(LETTERS).map(lambda letter: (letter, letter)),
    lambda inner: (
        inner.map(lambda a: (f"¬{a[0]}", f"(not {a[1]})"))
        | st.tuples(inner, st.sampled_from([("∧", "and"), ("∨", "or"), ("↔", "=="), ("→", "<=")]), inner).map(
            lambda t: (f"({t[0][0]} {t[1][0]} {t[2][0]})", f"({t[0][1]} {t[1][1]} {t[2][1]})")
        )
    ),
    max_leaves=8,
)


@given(TREES)
def test_valuations_are_those_of_python(tree: tuple[str, str]) -> None:
    ours, python = tree
    expected = 0
    for index, values in enumerate(product([False, True], repeat=3)):
        valuation = dict(zip(reversed(LETTERS), values, strict=True))  # the first letter is the lowest bit
        expected |= bool(eval(python, {}, valuation)) << index
    assert formula(ours, LETTERS).truth == expected


def test_forms_do_not_depend_on_brackets_or_order() -> None:
    same = [formula(text, LETTERS).form for text in ("P ∧ Q ∧ R", "(R ∧ Q) ∧ P", "((P∧(Q∧R)))")]
    assert len(set(same)) == 1
    assert formula("P → Q", LETTERS).form != formula("Q → P", LETTERS).form


def test_everything_is_every_valuation() -> None:
    assert everything(LETTERS) == 0xFF == formula("P ∨ ¬P", LETTERS).truth
    with pytest.raises(ValueError, match="12 at most"):
        formula("A", [chr(65 + i) for i in range(MAX_VARIABLES + 1)])
