"""Grids by the puzzle's rules: every filling that keeps them is right."""

import pytest

from tests.verifiers.logic.entries import judged, of
from verifiers.base import Status

MINI = of(
    "mini_sudoku", "4 2 1 3\n1 3 4 2\n2 1 3 4\n3 4 2 1", puzzle=[[4, 0, 0, 0], [0, 3, 0, 0], [0, 1, 3, 0], [0, 0, 0, 0]]
)
LOOSE = of(
    "mini_sudoku", "1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 1", puzzle=[[1, 2, 3, 4], [3, 4, 1, 2], [0, 0, 0, 0], [0, 0, 0, 0]]
)
FUTOSHIKI = of(
    "futoshiki",
    "",
    puzzle=[[1, 0, 4, 2], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    constraints=[[0, 1, 0, 2, "<"], [0, 0, 1, 0, "<"]],
)
FILLED = "1   3 < 4 > 2\n∧   ∨   ∨    \n4 > 2   3   1\n        ∨    \n2   4 > 1 < 3\n∧            \n3   1   2   4"
KAKURASU = of("kakurasu", "0 1\n1 1", row_sums=[2, 3], col_sums=[2, 3], n_rows=2, n_cols=2)
SURVO = of("survo", "5 4 9\n3 2 5\n8 6 14", puzzle=[[0, 4, 9], [3, 0, 5], [8, 6, 14]], candidate_numbers=[2, 5])
EMPTY = [["_"] * 4 for _ in range(4)]
QUEENS = of("n_queens", "", puzzle=EMPTY)
GIVEN = of("n_queens", "", puzzle=[["_", "Q", "_", "_"], *EMPTY[1:]])
SOLUTION = "_ Q _ _\n_ _ _ Q\nQ _ _ _\n_ _ Q _"
LIFE = of("game_of_life", "[[0,1],[1,0]]")
MARKS = of("modulo_grid", "❌✅\n✅❌")
ROW = of("arc_1d", "0 0 9 2")

RIGHT = [
    (MINI, ["4 2 1 3\n1 3 4 2\n2 1 3 4\n3 4 2 1", "4213\n1342\n2134\n3421", "[[4,2,1,3],[1,3,4,2],[2,1,3,4],[3,4,2,1]]"]),
    (LOOSE, ["1 2 3 4\n3 4 1 2\n2 1 4 3\n4 3 2 1", "1 2 3 4\n3 4 1 2\n4 3 2 1\n2 1 4 3"]),
    (FUTOSHIKI, [FILLED, "[[1, 3, 4, 2], [4, 2, 3, 1], [2, 4, 1, 3], [3, 1, 2, 4]]", "1 3 4 2\n4 2 3 1\n2 4 1 3\n3 1 2 4"]),
    (KAKURASU, ["0 1\n1 1", "01\n11", "[[0, 1], [1, 1]]", "\\begin{bmatrix} 0 & 1 \\\\ 1 & 1 \\end{bmatrix}"]),
    (SURVO, ["5 4 9\n3 2 5\n8 6 14"]),
    (QUEENS, [SOLUTION, SOLUTION.replace("_", "."), "_Q__\n___Q\nQ___\n__Q_", repr([list(r.split()) for r in SOLUTION.split("\n")]),
              "_ _ Q _\nQ _ _ _\n_ _ _ Q\n_ Q _ _", SOLUTION.replace("_", "\\_")]),
    (GIVEN, [SOLUTION]),
    (LIFE, ["[[0,1],[1,0]]", "[[0, 1],\n [1, 0]]", "0 1\n1 0", "```json\n[[0,1],[1,0]]\n```"]),
    (MARKS, ["❌✅\n✅❌", "❌ ✅\n✅ ❌"]),
    (ROW, ["0 0 9 2", "[0, 0, 9, 2]", "[[0, 0, 9, 2]]", "0092", "0, 0, 9, 2"]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), RIGHT, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(RIGHT)])
def test_every_filling_that_keeps_the_rules_is_right(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert verdict.status is Status.CORRECT, (answer, verdict.reason)


WRONG = [
    (MINI, [("4 2 1 3\n1 3 4 2\n2 1 4 3\n3 4 2 1", "given number"), ("4 2 1 3\n1 3 4 2\n3 1 3 4\n2 4 2 1", "every number"),
            ("4 2 1 3\n1 3 4 2\n2 1 3 4", "another size"), ("4 1 2 3\n1 3 4 2\n2 1 3 4\n3 4 1 2", "every number")]),
    (LOOSE, [("1 2 3 4\n3 4 1 2\n2 1 3 4\n4 3 2 1", "every number"), ("1 2 3 4\n3 4 1 2\n0 0 0 0\n0 0 0 0", "every number"),
             ("1 2 3 4\n3 4 1 2\n0 0 0 0", "size")]),
    (of("mini_sudoku", "", puzzle=[[0] * 4] * 4), [("1 2 3 4\n2 3 4 1\n3 4 1 2\n4 1 2 3", "every number")]),
    (FUTOSHIKI, [("1 3 4 2\n4 2 3 1\n3 4 1 2\n2 1 4 3", "every number"), ("1 3 4 2\n4 2 3 1", "size"),
                 ("2 3 4 1\n1 4 3 2\n3 1 2 4\n4 2 1 3", "given number")]),
    (KAKURASU, [("1 0\n1 1", "sum"), ("0 2\n1 1", "neither"), ("0 1", "size"), ("0 1 0\n1 1 0", "size")]),
    (SURVO, [("2 4 9\n3 5 5\n8 6 14", "sum"), ("6 4 9\n3 1 5\n8 6 14", "other numbers"), ("5 4 9\n3 2 5\n8 6 15", "given number")]),
    (QUEENS, [("Q _ _ _\n_ Q _ _\n_ _ Q _\n_ _ _ Q", "attacking"), ("_ _ _ _\n" * 4, "attacking"), ("_ Q\nQ _", "size"),
              ("Q Q _ _\n_ _ _ Q\nQ _ _ _\n_ _ Q _", "attacking")]),
    (GIVEN, [("_ _ Q _\nQ _ _ _\n_ _ _ Q\n_ Q _ _", "given queen")]),
    (LIFE, [("[[0,0],[0,0]]", "another"), ("[[0,1]]", "another")]),
    (MARKS, [("❌✅\n✅✅", "another"), ("❌✅", "another")]),
    (ROW, [("0 0 9 3", "another"), ("0 0 9", "another"), ("0 0 9 2\n0 0 9 2", "another")]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), WRONG, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(WRONG)])
def test_wrong_says_why_and_is_paid_nothing(metadata: dict, answers: list[tuple[str, str]]) -> None:
    for answer, why in answers:
        verdict = judged(answer, metadata)
        assert (verdict.status, verdict.score) == (Status.WRONG, 0.0), answer
        assert why in verdict.reason, (answer, verdict.reason)


def test_queens_attack_along_both_diagonals() -> None:
    two = of("n_queens", "", puzzle=[["_", "_"], ["_", "_"]])
    for answer in ("_ Q\nQ _", "Q _\n_ Q"):
        assert judged(answer, two).status is Status.WRONG


def test_a_sign_of_order_must_hold() -> None:
    turned = of("futoshiki", "", puzzle=[[0] * 4] * 4, constraints=[[0, 0, 0, 1, ">"]])
    assert "order" in judged("1 3 4 2\n4 2 3 1\n2 4 1 3\n3 1 2 4", turned).reason
    assert judged("3 1 4 2\n2 4 3 1\n4 2 1 3\n1 3 2 4", turned).status is Status.CORRECT


UNPARSED = [
    (MINI, ["4 2 1 3 x", "solved", "4 2 1\n1 3 4 2", "eval('[[4]]')"]),
    (FUTOSHIKI, ["[1, [2]]", "[[1, x]]", "the grid:\n1 3 4 2", "∧ ∨", "< 1 3 4 2", "1 + 3"]),
    (QUEENS, ["Q at 1", "0 1 0 0\n0 0 0 1\n1 0 0 0\n0 0 1 0", "[[open('x')]]"]),
    (LIFE, ["[0, 1]", "[[0, 1.5]]", "[[true]]", "{}"]),
    (MARKS, ["XO\nOX", "❔✅", ""]),
]


@pytest.mark.parametrize(("metadata", "answers"), UNPARSED, ids=[m["task"] for m, _ in UNPARSED])
def test_other_shapes_are_unparsed(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        assert judged(answer, metadata).status is Status.UNPARSED, answer
