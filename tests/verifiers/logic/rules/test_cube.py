"""Cubes: our turns are magiccube's, which the generator uses; and groups of turns that are known to do nothing."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verifiers.logic.entries import gold, judged, made, of
from verifiers.base import Status
from verifiers.logic.grammar.text import Unreadable
from verifiers.logic.rules.cube import solved_by, turns

NOTHING = [
    (3, ""),
    (3, "R R R R"),
    (3, "R R'"),
    (3, "R2 R2"),
    (3, "x y z z' y' x'"),
    (3, "(R U R' U')"[1:-1] + " R U R' U'" * 5),
    (3, "x x x"),
    (3, "M E S S' E' M'"),
    (3, "R L' x' M'"),
    (2, "R U F F' U' R'"),
    (4, "Rw Rw Rw Rw"),
    (4, "2R 2R'"),
    (5, "3Rw 2Rw' 3R'"),
    (3, "R’ R"),
    (3, "R2' R2"),
]
SOMETHING = [
    (3, "R"),
    (3, "R2"),
    (3, "R U R' U'"),
    (3, "M"),
    (4, "2R"),
    (5, "3R"),
    (3, "R L'"),
    (2, "M"),
    (3, "4R"),
    (2, "3Rw"),
]


@pytest.mark.parametrize(("size", "moves"), NOTHING)
def test_turns_that_undo_each_other(size: int, moves: str) -> None:
    assert solved_by(size, turns(moves) if moves else [])


@pytest.mark.parametrize(("size", "moves"), SOMETHING)
def test_turns_that_do_not(size: int, moves: str) -> None:
    assert not solved_by(size, turns(moves))


@pytest.mark.parametrize("text", ["", "A", "r", "R3", "R''", "RU", "R U ?", "0R", "Rww", "U-1", "solve()"])
def test_no_moves(text: str) -> None:
    with pytest.raises(Unreadable):
        turns(text)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), short=st.booleans())
def test_whether_it_is_solved_agrees_with_magiccube(size: int, seed: int, short: bool) -> None:
    from magiccube.cube import Cube

    draw = Random(seed)
    names = [face + end for face in "RLUDFB" for end in ("", "'", "2")]
    names += [f"{face}w{end}" for face in "RLUDFB" for end in ("", "'")] if size > 3 else []
    names += [f"2{face}" for face in "RLUDFB"] if size > 3 else []
    names += ["M", "E", "S", "M'"] if size % 2 else []
    names += ["X", "Y", "Z"]
    forth = [draw.choice(names) for _ in range(draw.randint(1, 4))]
    back = [
        move[:-1] if move.endswith("'") else move + "'" if not move.endswith("2") else move for move in reversed(forth)
    ]
    moves = forth if short else [*forth, *(back if draw.random() < 0.7 else back[1:])]
    cube = Cube(size)
    cube.rotate(" ".join(moves))
    assert solved_by(size, turns(" ".join(moves))) is cube.is_done(), moves


@pytest.mark.parametrize("settings_json", ["{}", '{"cube_size": 2}', '{"cube_size": 4}', '{"cube_size": 6}'])
def test_the_scramble_backwards_and_the_example_solve_the_cube(settings_json: str) -> None:
    for metadata in made("rubiks_cube", 3, 21, settings_json):
        answer = gold(metadata)
        assert answer is not None
        assert judged(answer, metadata).status is Status.CORRECT
        assert judged(answer + " R", metadata).status is Status.WRONG
        example = metadata["entry"]["metadata"]["example_correct_answer"]
        if example:
            assert judged(example, metadata).status is Status.CORRECT


def test_no_moves_are_paid_nothing_even_for_a_cube_that_is_nearly_solved() -> None:
    metadata = of("rubiks_cube", None, cube_size=3, scramble_moves="R")
    assert (judged("L L'", metadata).status, judged("L L'", metadata).score) == (Status.WRONG, 0.0)
    for answer in ("R'", "R^{\\prime}", "R^\\prime", "R’", "R^{'}", "**R'**"):
        assert judged(answer, metadata).status is Status.CORRECT, answer
    assert judged("R R R", metadata).status is Status.CORRECT
    assert judged("R2 R", metadata).status is Status.CORRECT
