"""Words, choices, sequences and grids."""

import pytest

from verifiers.logic.grammar.grid import DECIMAL_CELL, INTEGER_CELL, grid, integers
from verifiers.logic.grammar.text import Unreadable
from verifiers.logic.grammar.words import bare, choice, lines, sentence, sequence, word

WORDS = [("on", "on"), ('"on"', "on"), ("\\text{on}", "on"), (" on. ", "on"), ("mother-in-law", "mother-in-law")]


@pytest.mark.parametrize(("text", "value"), WORDS)
def test_words(text: str, value: str) -> None:
    assert word(text) == value


@pytest.mark.parametrize("text", ["", "two words", "w0rd", "word!", "a.b", "-", "naïve", "[word]"])
def test_no_words(text: str) -> None:
    with pytest.raises(Unreadable):
        word(text)


def test_choices_whatever_their_case() -> None:
    assert choice("TRUE.", ("True", "False")) == "True"
    assert choice('"yes"', ("Yes", "No")) == "Yes"
    for text in ("", "True False", "True or False", "not True", "1", "T", "truee"):
        with pytest.raises(Unreadable, match="one of True, False"):
            choice(text, ("True", "False"))


def test_lines_sentences_and_bare_texts() -> None:
    assert lines("```\n a b \n\n c\n```") == ["a b", "c"]
    assert sentence(" Well,\n  yes. ") == "Well, yes."
    assert bare('"No."') == bare("No") == "No"
    with pytest.raises(Unreadable):
        sentence(" \n ")


SEQUENCES = [
    ("1 2 3", ["1", "2", "3"]),
    ("1, 2,3", ["1", "2", "3"]),
    ("[1, 2, 3]", ["1", "2", "3"]),
    ("(1, 2, 3)", ["1", "2", "3"]),
    ("['1', '2', '3']", ["1", "2", "3"]),
    ("1 \n 2\t3", ["1", "2", "3"]),
    ("\\text{1 2 3}", ["1", "2", "3"]),
    ("[]", []),
]


@pytest.mark.parametrize(("text", "items"), SEQUENCES)
def test_sequences(text: str, items: list[str]) -> None:
    assert sequence(text, "[0-9]+") == items


@pytest.mark.parametrize(
    "text", ["", "1, , 2", "1; 2", "1 -> 2", "[1, 2", "[[1], [2]]", "[1, x]", "1, 2 and 3", "['1', [2]]"]
)
def test_no_sequences(text: str) -> None:
    with pytest.raises(Unreadable):
        sequence(text, "[0-9]+")


def test_arrows_where_they_are_allowed() -> None:
    assert sequence("A → B -> C => A", "[ABC]", arrows=True) == ["A", "B", "C", "A"]
    assert sequence("A B C", "[ABC]", arrows=True) == ["A", "B", "C"]
    assert sequence("A \\rightarrow B", "[ABC]", arrows=True) == ["A", "B"]


GRIDS = [
    "1 2\n3 4",
    "1,2\n3,4",
    "1 2 \n\n 3 4\n",
    "[[1, 2], [3, 4]]",
    "[[1,2],\n [3,4]]",
    "((1, 2), (3, 4))",
    "\\begin{bmatrix} 1 & 2 \\\\ 3 & 4 \\end{bmatrix}",
    "```\n1 2\n3 4\n```",
    "|1|2|\n|3|4|",
]


@pytest.mark.parametrize("text", GRIDS)
def test_grids(text: str) -> None:
    assert integers(text) == [[1, 2], [3, 4]]


NOT_GRIDS = [
    "",
    "1 2\n3",
    "1 x\n3 4",
    "[[1, 2], [3]]",
    "[1, [2]]",
    "[]",
    "[1, 2",
    "[[1, [2]], [3, 4]]",
    "[[1, null], [3, 4]]",
    "1.5 2\n3 4",
    "a",
]


@pytest.mark.parametrize("text", NOT_GRIDS)
def test_no_grids(text: str) -> None:
    with pytest.raises(Unreadable):
        integers(text)


def test_a_flat_list_is_one_row() -> None:
    assert integers("[1, 2]") == integers("1 2") == [[1, 2]]


def test_rows_without_spaces_where_the_width_is_known() -> None:
    assert integers("12\n34", width=2) == [[1, 2], [3, 4]]
    assert integers("12\n34") == [[12], [34]]
    assert integers("12 3\n4 5", width=2) == [[12, 3], [4, 5]]


def test_cells() -> None:
    assert grid("1.50 -2", DECIMAL_CELL) == [["1.50", "-2"]]
    with pytest.raises(Unreadable, match="in a cell"):
        grid("nan 1", DECIMAL_CELL)
    with pytest.raises(Unreadable, match="cells"):
        grid("1 " * 20_001, INTEGER_CELL)
