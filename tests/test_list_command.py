"""`rlhf list`: what there is, a line each."""

import pytest
from typer.testing import CliRunner

from rlhf.cli import app
from verifiers.logic.tasks import EXCLUDED, TASKS
from verifiers.specs import VERIFIERS


def listed(*arguments: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(app, ["list", *arguments], terminal_width=200)
    return result.exit_code, result.output.splitlines()


def test_verifiers_are_a_line_each_and_say_where_their_tasks_are_listed() -> None:
    code, lines = listed("verifiers")
    assert code == 0
    (logic,) = (line for line in lines if line.startswith("logic "))
    assert f"its {len(TASKS)} tasks: rlhf list verifiers logic, without composite ({EXCLUDED['composite']})" in logic
    assert not any(line.startswith("maze") for line in lines)


def test_the_tasks_of_logic_with_what_is_left_out_and_why() -> None:
    code, lines = listed("verifiers", "logic")
    assert code == 0
    table = lines[lines.index("tasks:") + 1 :]
    assert [line.split()[0] for line in table[: len(TASKS)]] == sorted(TASKS)
    by_name = {line.split()[0]: line for line in table[: len(TASKS) + 1]}
    assert by_name["composite"].endswith(f"left out: {EXCLUDED['composite']}")
    assert "  own   " in by_name["sudoku"]
    assert by_name["game_of_life_halting"].endswith("a guess is right 1 time in 2; the scorer paid any text")
    assert lines[-1].startswith("own: by the puzzle's rules")


def test_the_settings_of_a_verifier_with_their_defaults() -> None:
    code, lines = listed("verifiers", "code")
    assert code == 0
    settings = {line.split()[0]: line for line in lines[3:]}
    assert set(settings) == {f"config.{key}" for key in VERIFIERS["code"].options}
    assert "  [bwrap] | landlock  " in settings["config.sandbox"]
    assert settings["config.time_s"].endswith("[6.0]  seconds of one test")
    assert listed("verifiers", "reward_model")[1][3].startswith("config.model        (to be written)  ")


def test_without_a_word_every_table_is_listed() -> None:
    code, lines = listed()
    assert code == 0
    assert {"algorithms:", "verifiers:", "benchmarks:"} <= set(lines)


@pytest.mark.parametrize("arguments", [("algorithms", "logic"), ("verifiers", "nothing"), ("puzzles",)])
def test_what_cannot_be_listed_is_said(arguments: tuple[str, ...]) -> None:
    code, lines = listed(*arguments)
    assert code == 2
    assert "logic" in " ".join(lines) or "algorithms or verifiers or benchmarks" in " ".join(lines)
