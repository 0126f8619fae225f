"""Levels of difficulty do what they say: more of what makes a puzzle hard, at every step up or at least not less."""

from itertools import pairwise
from statistics import mean

import pytest

from rlhf.data.difficulty import DIFFICULTIES, LEVELS, levels_of, settings_of
from rlhf.data.load import load_prompts
from rlhf.data.rows import Row
from rlhf.data.sources import read_rows
from rlhf.recipe.data_schema import DataConfig, SourceConfig
from tests.data.helpers import WordTokenizer
from verifiers.base import Sample, Status
from verifiers.logic.tasks import TASKS
from verifiers.logic.verifier import gold_response, logic_verifier


def rows(task: str, difficulty: list[int], size: int = 8, **more) -> list[Row]:
    found = list(
        read_rows(
            SourceConfig(source="reasoning_gym", task=task, difficulty=difficulty, size=size, **more), "data.train"
        )
    )
    assert all(isinstance(row, Row) for row in found), found
    return found


def blanks(m: dict) -> int:
    return sum(cell == 0 for row in m["puzzle"] for cell in row)


MEASURES = {
    "ab": lambda m: m["difficulty"]["length"],
    "countdown": lambda m: len(m["numbers"]),
    "cryptarithm": lambda m: len(m["words_letters"]),
    "futoshiki": lambda m: m["board_size"],
    "graph_color": lambda m: len(m["puzzle"]["vertices"]),
    "jugs": lambda m: m["puzzle"]["min_moves"],
    "kakurasu": lambda m: m["n_rows"] * m["n_cols"],
    "knights_knaves": lambda m: len(m["names"]),
    "maze": lambda m: m["shortest_path_length"],
    "mini_sudoku": blanks,
    "n_queens": lambda m: len(m["puzzle"]) + m["num_removed"],
    "puzzle24": lambda m: max(m["numbers"]),
    "rubiks_cube": lambda m: m["scramble_steps"],
    "rush_hour": lambda m: m["min_moves"],
    "shortest_path": lambda m: len(m["matrix"]) * len(m["matrix"][0]),
    "sokoban": lambda m: sum(m["gamestr"].count(sign) for sign in "@$"),
    "sudoku": blanks,
    "survo": blanks,
    "tower_of_hanoi": lambda m: m["solution_length"],
    "zebra_puzzles": lambda m: (m["difficulty"]["num_people"], m["difficulty"]["num_characteristics"]),
}
COUNT = {"jugs": 60}
"""Puzzles a level that are measured, where four do not make a steady mean."""
SLACK = {"puzzle24": (5,)}
"""Steps at which what is measured starts again, since another operator joins."""


def test_every_kind_is_a_task_and_is_measured() -> None:
    assert set(DIFFICULTIES) == set(MEASURES)
    assert set(DIFFICULTIES) <= set(TASKS)
    assert len(DIFFICULTIES) == 20
    assert {len(levels) for levels in DIFFICULTIES.values()} == {LEVELS}


@pytest.mark.parametrize("task", DIFFICULTIES)
def test_what_makes_it_hard_grows_with_the_level(task: str) -> None:
    def measured(level: int):
        values = [MEASURES[task](row.metadata["entry"]["metadata"]) for row in rows(task, [level], COUNT.get(task, 4))]
        return max(values) if isinstance(values[0], tuple) else mean(values)

    sizes = [measured(level) for level in range(1, LEVELS + 1)]
    steps = [pair for number, pair in enumerate(pairwise(sizes), 1) if number not in SLACK.get(task, ())]
    assert all(easier <= harder for easier, harder in steps), sizes
    assert sizes[0] < sizes[-1]


@pytest.mark.parametrize("task", DIFFICULTIES)
def test_a_level_is_always_the_same_puzzles_and_no_two_levels_are(task: str) -> None:
    assert [row.text for row in rows(task, [4], 3)] == [row.text for row in rows(task, [4], 3)]
    assert [row.text for row in rows(task, [1], 3)] != [row.text for row in rows(task, [10], 3)]
    settings = [dict(settings_of(task, level)) for level in range(1, LEVELS + 1)]
    assert settings[0] != settings[-1]


@pytest.mark.parametrize("task", sorted(set(DIFFICULTIES) - {"rush_hour"}))
def test_every_level_s_own_answer_is_right(task: str) -> None:
    for row in rows(task, [1, LEVELS], LEVELS):
        sample = Sample(row.text, "", row.reference, row.metadata)
        response = gold_response(sample)
        assert response is not None
        verdict = logic_verifier.function(Sample(row.text, response, None, row.metadata))
        assert verdict.status is Status.CORRECT, (row.difficulty, verdict)


@pytest.mark.full
@pytest.mark.parametrize("task", DIFFICULTIES)
def test_the_generator_can_be_counted_on_at_every_level(task: str) -> None:
    for level in range(1, LEVELS + 1):
        assert len(rows(task, [level], 100, seed=77_000)) == 100


def test_rows_take_the_levels_in_turn_and_say_theirs() -> None:
    found = rows("mini_sudoku", [3, 5], 7)
    assert [row.difficulty for row in found] == [3.0, 4.0, 5.0, 3.0, 4.0, 5.0, 3.0]
    assert [blanks(row.metadata["entry"]["metadata"]) for row in found] == [5, 6, 7, 5, 6, 7, 5]
    assert found[1].metadata["task_config"] == settings_of("mini_sudoku", 4)
    assert [row.difficulty for row in rows("mini_sudoku", [], 2)] == [None, None]


def test_prompts_carry_their_level_to_the_curriculum() -> None:
    train = SourceConfig(source="reasoning_gym", task="mini_sudoku", difficulty=[1, 3], size=6)
    sets = load_prompts(DataConfig(train=train), WordTokenizer())
    assert [prompt.difficulty for prompt in sets.train] == [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]


def test_settings_of_the_task_stand_beside_a_level() -> None:
    (row,) = rows("n_queens", [2], 1, task_config={})
    assert row.metadata["task_config"] == {"n": 5, "min_remove": 1, "max_remove": 1}
    (row,) = rows("puzzle24", [1], 1, task_config={"min_value": 2})
    assert min(row.metadata["entry"]["metadata"]["numbers"]) >= 2
    assert row.metadata["task_config"]["operators"] == ["+", "-", "*"]
    assert "/" not in row.metadata["entry"]["answer"]


@pytest.mark.parametrize(("difficulty", "levels"), [([], (None,)), ([3], (3,)), ([2, 4], (2, 3, 4)), ([5, 5], (5,))])
def test_levels_of_a_source(difficulty: list[int], levels: tuple) -> None:
    assert levels_of(difficulty) == levels


def test_a_number_is_one_level_and_what_is_none_is_refused() -> None:
    assert SourceConfig(source="reasoning_gym", difficulty=3).difficulty == [3]
    for wrong in (0, 11, [0, 3], [1, 2, 3], "3", 2.5, True):
        with pytest.raises(ValueError, match="difficulty"):
            SourceConfig(source="reasoning_gym", difficulty=wrong)
