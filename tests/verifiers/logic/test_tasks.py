"""The table of tasks: it names every task of the installed reasoning-gym, and every rule that it names is there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verifiers.logic.rule import Rule
from verifiers.logic.tasks import EXCLUDED, TASKS, listing
from verifiers.logic.verifier import rule_of

ROOT = Path(__file__).parents[3]


def test_every_task_of_reasoning_gym_is_in_the_table_or_excluded_by_name() -> None:
    from reasoning_gym.factory import DATASETS

    assert set(TASKS) | set(EXCLUDED) == set(DATASETS)
    assert not set(TASKS) & set(EXCLUDED)
    assert (len(TASKS), list(EXCLUDED)) == (105, ["composite"])


def test_no_task_is_named_twice() -> None:
    from verifiers.logic.tasks import algorithms, arithmetic, puzzles, reasoning

    names = [task.name for module in (algorithms, arithmetic, puzzles, reasoning) for task in module.TASKS]
    assert len(names) == len(set(names)) == len(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_every_rule_is_there(task: str) -> None:
    assert isinstance(rule_of(task), Rule)
    assert TASKS[task].shape
    assert TASKS[task].scored in ("own", "gold")


def test_the_listing_says_shape_scoring_and_note_of_each_and_the_reason_of_what_is_left_out() -> None:
    tasks = listing()
    assert list(tasks.judged) == sorted(TASKS)
    assert tasks.judged["maze"].split("  ")[0] == "a whole number"
    assert tasks.judged["maze"].rstrip().endswith("few values: the length of a path, not the path")
    assert " own " in tasks.judged["sudoku"]
    assert " gold " in tasks.judged["maze"]
    assert "mixture" in tasks.excluded["composite"]


NAMED_IN_THE_SHEET = {
    "game_of_life_halting": "paid any text",
    "boxnet": "allowed moves",
    "graph_color": "any proper coloring",
    "propositional_logic": "truth table",
    "rubiks_cube": "any that solve it",
    "rush_hour": "any allowed moves",
    "prime_factorization": "the scorer raised",
    "complex_arithmetic": "the scorer paid nan",
}


@pytest.mark.parametrize(("task", "how"), NAMED_IN_THE_SHEET.items())
def test_what_was_wrong_with_a_scorer_stands_in_the_table(task: str, how: str) -> None:
    assert how in TASKS[task].note


def test_the_table_imports_nothing_heavy() -> None:
    program = "import sys, json, verifiers.logic.tasks; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"reasoning_gym", "sympy", "mpmath", "numpy"}


def test_no_rule_imports_reasoning_gym_or_sympy() -> None:
    program = "import sys, json; from verifiers.logic.verifier import warm_up; warm_up(); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert "mpmath" in loaded
    assert not loaded & {"reasoning_gym", "sympy", "numpy"}
