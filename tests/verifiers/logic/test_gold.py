"""Every right answer is read by its task's grammar and is right; and what stands around it does not make it so."""

import json

import pytest

from tests.verifiers.logic.entries import gold, judged, made
from verifiers.base import Status
from verifiers.logic.tasks import TASKS
from verifiers.logic.verifier import MAX_ANSWER_CHARS

NO_GOLD = {"rush_hour"}
"""The generator gives no solution, and we look for none."""

SETTINGS: dict[str, list[dict]] = {
    "base_conversion": [{"min_base": 11, "max_base": 36, "max_value": 10**9}],
    "basic_arithmetic": [{"min_digits": 5, "max_digits": 5, "allow_negation": True}],
    "bf": [{"difficulty": 2}],
    "bitwise_arithmetic": [{"difficulty": 6}],
    "boxnet": [{"min_box_num": 2, "max_box_num": 3}],
    "chain_sum": [{"allow_negation": True, "max_digits": 12}],
    "coin_flip": [{"min_trials": 40, "max_trials": 60}],
    "countdown": [{"min_numbers": 3, "max_numbers": 3, "min_target": 10}],
    "decimal_arithmetic": [{"min_terms": 5, "max_terms": 6, "precision": 8}],
    "decimal_chain_sum": [{"min_decimal_places": 0, "max_decimal_places": 0, "allow_negation": True}],
    "fraction_simplification": [{"min_value": 1, "max_value": 3}],
    "futoshiki": [{"min_board_size": 4, "max_board_size": 5}],
    "game_of_life": [{"grid_size_x": 30, "grid_size_y": 20}],
    "jugs": [{"difficulty": 3}],
    "kakurasu": [{"min_rows": 3, "max_rows": 6, "min_cols": 3, "max_cols": 6, "max_retries": 3}],
    "knights_knaves": [{"n_people": 5, "depth_constraint": 3, "width_constraint": 3}],
    "manipulate_matrix": [{"max_rows": 15, "max_cols": 15}],
    "mahjong_puzzle": [{"min_num_rounds": 1, "max_num_rounds": 3}],
    "n_queens": [{"n": 5, "min_remove": 1, "max_remove": 5}],
    "number_sorting": [{"max_numbers": 40, "min_value": -(10**6), "max_value": 10**6, "max_decimals": 5}],
    "palindrome_partitioning": [{"max_string_len": 18, "max_substring_palindrome_len": 9}],
    "path_star": [{"reversed": True}],
    "polynomial_equations": [{"min_degree": 3, "max_degree": 4}],
    "polynomial_multiplication": [
        {"allow_cross_variable_product": True, "allow_multivariate_polynomials": True},
        {"max_value": 10**6, "max_degree": 8, "max_polynomials": 5},
    ],
    "power_function": [{"min_exponent": 8, "max_exponent": 12}],
    "puzzle24": [{"operators": ["+", "-"]}],
    "rubiks_cube": [{"cube_size": 2}, {"cube_size": 4}, {"cube_size": 5}],
    "shortest_path": [{"p_blocked": 0.1, "max_rows": 14, "max_cols": 14}],
    "simple_integration": [{"min_degree": -5, "max_degree": -1}, {"max_terms": 8}],
    "sudoku": [{"min_empty": 5, "max_empty": 20}],
    "tower_of_hanoi": [{"min_disks": 1, "max_disks": 2}, {"min_pegs": 5, "max_pegs": 6}],
    "word_ladder": [{"min_word_length": 3, "max_word_length": 5}],
    "zebra_puzzles": [{"num_people": 3, "num_characteristics": 3}],
}
"""Settings other than the defaults, for the long sweep."""


def check(task: str, metadata: dict) -> bool:
    """Whether there is a right answer; if so it must be judged right, and not with a word after it."""
    answer = gold(metadata)
    if answer is None:
        return False
    verdict = judged(answer, metadata)
    assert verdict.status is Status.CORRECT, (answer, verdict.reason)
    spaced = f"  {answer} \n"
    assert judged(spaced, metadata).status is Status.CORRECT
    for around in (f"{answer} or maybe not", f"The answer is {answer}", f"<{answer}|{answer}>"):
        assert judged(around, metadata).score == 0.0, around
    return True


@pytest.mark.parametrize("task", TASKS)
def test_a_right_answer_is_right_and_not_with_words_around_it(task: str) -> None:
    found = [check(task, metadata) for metadata in made(task, 4)]
    assert any(found) is (task not in NO_GOLD)


@pytest.mark.full
@pytest.mark.parametrize("task", TASKS)
def test_right_answers_of_several_seeds_and_settings(task: str) -> None:
    for settings in [{}, *SETTINGS.get(task, [])]:
        for seed in (1, 40_000, 900_000):
            for metadata in made(task, 20, seed, json.dumps(settings)):
                check(task, metadata)


def test_a_gold_answer_longer_than_the_limit_is_still_read() -> None:
    (metadata,) = made(
        "tower_of_hanoi", 1, 3, json.dumps({"min_disks": 10, "max_disks": 10, "min_pegs": 3, "max_pegs": 3})
    )
    answer = gold(metadata)
    assert answer is not None and len(answer) > MAX_ANSWER_CHARS
    assert judged(answer, metadata).status is Status.CORRECT
    verdict = judged(answer * 5, metadata)
    assert (verdict.status, verdict.score) == (Status.UNPARSED, 0.0)


OWN_ANSWER_IS_WRONG = [
    ("mahjong_puzzle", 40, 4),
    ("syllogism", 40, 4),
    ("tsumego", 60, 1),
]


@pytest.mark.parametrize(("task", "count", "at_least"), OWN_ANSWER_IS_WRONG)
def test_wrong_answers_of_the_generator_are_not_right(task: str, count: int, at_least: int) -> None:
    """The entries' own answers, where ours is another one: wrong, so many of them."""
    other = [m for m in made(task, count) if (g := gold(m)) is not None and g != m["entry"]["answer"]]
    wrong = [m for m in other if judged(m["entry"]["answer"], m).status is Status.WRONG]
    assert len(wrong) >= at_least
