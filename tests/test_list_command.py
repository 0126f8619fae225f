"""`rlhf list`: what there is, a line each."""

import pytest
from typer.testing import CliRunner

from rlhf.attention.catalog import CATALOG
from rlhf.cli import app
from tests.recipe.kernels import kernels
from verifiers.logic.tasks import EXCLUDED, TASKS
from verifiers.specs import VERIFIERS

__all__ = ["kernels"]


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
    assert {"algorithms:", "verifiers:", "attention:", "benchmarks:"} <= set(lines)


@pytest.mark.parametrize("arguments", [("algorithms", "logic"), ("verifiers", "nothing"), ("puzzles",)])
def test_what_cannot_be_listed_is_said(arguments: tuple[str, ...]) -> None:
    code, lines = listed(*arguments)
    assert code == 2
    assert "logic" in " ".join(lines) or "algorithms or verifiers or attention or benchmarks" in " ".join(lines)


def test_kernels_of_attention_are_a_line_each() -> None:
    code, lines = listed("attention")
    assert code == 0
    assert [line.split()[0] for line in lines] == list(CATALOG)
    (linear,) = (line for line in lines if line.startswith("linear "))
    parts = linear.split("  ", 1)[1].strip().split("; ")
    assert parts == [
        "linear attention, feature map elu + 1",
        "cost T",
        "state d (d + 1) a key-value head",
        "causal",
        "packable",
        "cpu and gpu (simple_gla of flash-linear-attention)",
        "engine vLLM, a state a sequence",
        "Transformers are RNNs, arXiv 2006.16236",
    ]


def test_the_settings_of_a_kernel_with_their_defaults() -> None:
    code, lines = listed("attention", "linear")
    assert code == 0
    assert lines[0].startswith("linear attention, feature map elu + 1; cost T; ")
    assert lines[2] == "settings, with their defaults in brackets:"
    assert lines[3].startswith("rope  [features] | inputs | none  what is rotated: ")


@pytest.mark.usefixtures("kernels")
def test_settings_of_every_kind() -> None:
    assert listed("attention", "local")[1][3:] == [
        "window  [64]  tokens that are seen",
        "kind    [hard] | soft  its edge",
    ]
    assert listed("attention", "needy")[1][3:] == ["size  (to be written)  how large"]
    assert listed("attention", "decay")[1][2:] == ["no settings"]
    _, lines = listed("attention")
    by_name = {line.split()[0]: line for line in lines}
    assert (
        "; state 2 d a key-value head and token; causal; packable; cpu and gpu; engine none: learner only; "
        in by_name["blocks"]
    )
    assert "; engine vLLM, keys and values in pages; " in by_name["softmax"]
    assert "; not causal; " in by_name["two_way"]
    assert "; not packable; " in by_name["lone"]
    assert "; gpu; " in by_name["metal"]


def test_a_kernel_that_is_none_is_said() -> None:
    code, lines = listed("attention", "linaer")
    assert code == 2
    assert "'linaer' is no attention kernel; did you mean linear?" in " ".join(lines)
