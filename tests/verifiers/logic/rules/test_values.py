"""Numbers: exact, or as rounded as the task asks; a tolerance only where the recipe asks for one."""

import pytest

from tests.verifiers.logic.entries import judged, of
from verifiers.base import Status

POOL = {"solution": [[2.5, 13 / 6]]}
DIVIDED = of(
    "decimal_arithmetic", "0.333333", "Please solve this problem to a maximum of 6 significant digits.\n(1/3) = ?"
)
ANGLE = of("advanced_geometry", "17.10°", task_type="angle_measure", angle_ABC_degrees=17.10272905896237)
CENTER = of(
    "advanced_geometry", "(0.304, -1.217)", task_type="orthocenter", orthocenter_approx=[0.30434782, -1.2173913]
)
COIN = of("coin_flip", "0.0001220703125", rational={"numerator": 1, "denominator": 8192})
COINS = of("coin_flip", "0.3333333333", rational={"numerator": 1, "denominator": 3})
POWER = of("power_function", "851737.58055369", base=94.8, exponent=3, solution=851971.392)
NUMBERS = of(
    "number_format",
    "25011730.212",
    candidates=[25011730.212, 25011730.22],
    formatted_candidates=["25011730.212000", "2.501173022e7"],
    solution=25011730.212,
)
HALVES = of("polynomial_equations", "-0.4330, 0.4330", variable="x", polynomial_expr="16*x**2 - 3")
ROOT = of("polynomial_equations", "0.0", variable="x", polynomial_expr="x**3 - x")

RIGHT = [
    (of("chain_sum", "1000"), ["1000", "**1000**", '"1000"', "```\n1000\n```", "1000", "1,000", "+1000.0", "\\text{1000}", "$1{,}000$", "1e3"]),
    (of("simple_equations", "95", variable="u"), ["95", "u = 95", "$u=95$"]),
    (of("base_conversion", "1f", target_base=16, decimal_value=31), ["1f", "1F", "0x1f", "1f_{16}"]),
    (of("bitwise_arithmetic", "-0x3"), ["-0x3", "-0X03", "-3_{16}"]),
    (of("decimal_chain_sum", "8.190"), ["8.19", "8.190", "\\(8.19\\)"]),
    (of("simple_geometry", "59"), ["59", "59.0", "59°", "59^\\circ", "59 degrees"]),
    (of("dice", "13/20"), ["13/20", "\\frac{13}{20}", "$\\dfrac{13}{20}$"]),
    (of("fraction_simplification", "$\\frac{23}{131}$"), ["23/131", "\\frac{23}{131}", "$23/131$"]),
    (of("complex_arithmetic", "-7.0 + 1.0i", result=[-7, 1]), ["-7 + i", "i - 7", "(-7.00+1.00i)", "-7+j"]),
    (COIN, ["0.0001220703125", "1/8192", "\\frac{1}{8192}", "0.01220703125\\%", "2/16384"]),
    (COINS, ["1/3", "0.3333333333", "0.33333333333333"]),
    (DIVIDED, ["0.333333", "0.333334"]),
    (ANGLE, ["17.10°", "17.1", "17.103", "17.103^\\circ", "17.1027"]),
    (CENTER, ["(0.304, -1.217)", "(0.30435, -1.21739)", "\\left(0.304, -1.217\\right)"]),
    (POWER, ["8.52e+5", "8.52 \\times 10^5", "852000", "851971.392"]),
    (NUMBERS, ["25011730.212", "25,011,730.212", "2.5011730212e7"]),
    (of("pool_matrix", "2.5 2.17", **POOL), ["2.5 2.17", "[[2.50, 2.17]]", "2.5 2.166667"]),
    (ROOT, ["-1.0, 0.0, 1.0", "1, 0, -1", "x = -1, x = 0, x = 1"]),
    (HALVES, ["-0.4330, 0.4330", "0.43301, -0.433013", "0.433, -0.433", "\\{-0.4330, 0.4330\\}", "[0.433, -0.433]"]),
    (of("time_intervals", "17 days, 03:43", task_type="datetime", expected_format="D days, HH:MM", format="%d %B %Y, %H:%M"),
     ["17 days, 03:43", "17 days, 3:43", "17, 03:43"]),
    (of("calendar_arithmetic", "Monday", task="weekday_offset"), ["Monday", "monday.", "\\text{Monday}"]),
    (of("calendar_arithmetic", "Yes", task="is_leap_year"), ["Yes", "yes"]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), RIGHT, ids=[m["task"] for m, _ in RIGHT])
def test_right_in_any_spelling(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert verdict.status is Status.CORRECT, (answer, verdict.reason)


WRONG = [
    (of("chain_sum", "1000"), ["1001", "10000", "-1000"]),
    (of("base_conversion", "1f", target_base=16, decimal_value=31), ["31", "1e"]),
    (of("decimal_chain_sum", "8.19"), ["8.2", "8.1900001", "8.191"]),
    (of("dice", "13/20"), ["26/40", "7/20"]),
    (of("fraction_simplification", "$\\frac{23}{131}$"), ["46/262", "131/23"]),
    (of("complex_arithmetic", "-7.0 + 1.0i", result=[-7, 1]), ["-7", "i", "-7 - i", "-7.01 + i", "1e999i"]),
    (COIN, ["0", "0.0001", "0.00012", "0.000122070313"]),
    (COINS, ["0.33", "0.333333333", "33.3\\%"]),
    (DIVIDED, ["0.33", "0.333", "0.333336", "0.333330"]),
    (ANGLE, ["17.11", "17.104", "17"]),
    (CENTER, ["(0.305, -1.217)", "(0.304, -1.22)", "(0.304, 1.217)"]),
    (POWER, ["8.51e+5", "8.53e+5", "-8.52e+5"]),
    (NUMBERS, ["25011730.22", "25011730.21"]),
    (of("pool_matrix", "2.5 2.17", **POOL), ["2.5 2.16", "2.5 2.2", "2.5", "2.5 2.17 0"]),
    (HALVES, ["-0.4330, 0.4331", "-0.4331, 0.4330", "0.4330, 0.4330", "0.4330", "-0.43, 0.43"]),
    (ROOT, ["0", "-1, 1", "-1, 0, 1.0001", "-1, 0, 1, 1", "", "-1, 0.0000001, 1"]),
    (of("calendar_arithmetic", "Monday", task="weekday_offset"), ["Tuesday"]),
    (of("calendar_arithmetic", "10", task="count_days"), ["11", "9"]),
]


@pytest.mark.parametrize(("metadata", "answers"), WRONG, ids=[m["task"] for m, _ in WRONG])
def test_near_is_wrong(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert (verdict.status, verdict.score) == (Status.WRONG, 0.0), answer


UNPARSED = [
    (of("chain_sum", "5"), ["5 apples", "5.5", "4 + 1", "5, 6", "x = 5", "five"]),
    (of("bitwise_arithmetic", "0x1f"), ["31", "1f", "0b11111"]),
    (of("dice", "1/2"), ["0.5", "50%", "1:2"]),
    (ANGLE, ["17.10 radians", "17.10, 17.11"]),
    (CENTER, ["0.304, -1.217", "(0.304)", "(0.304, -1.217, 0)"]),
    (of("calendar_arithmetic", "Monday", task="weekday_offset"), ["Mon", "Monday or Tuesday", "10"]),
    (of("time_intervals", "02:38", task_type="time", expected_format="HH:MM", format="%H:%M", start_time="2024-01-01 10:00:00",
        end_time="2024-01-01 12:38:00"), ["02:38:00", "2 hours", "158 minutes", "2:38 days", "02:99", "-02:38", "0 days, 02:38"]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), UNPARSED, ids=[m["task"] for m, _ in UNPARSED])
def test_other_shapes_are_unparsed(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert (verdict.status, verdict.score) == (Status.UNPARSED, 0.0), answer
        assert metadata["task"] in verdict.reason


TOLERANT = [
    (of("decimal_chain_sum", "8.19"), "8.2", 0.01),
    (of("simple_geometry", "59.5"), "59.6", 0.01),
    (COINS, "0.333", 0.01),
    (of("complex_arithmetic", "10 + 10i", result=[10, 10]), "10.05 + 9.95i", 0.01),
    (DIVIDED, "0.333", 0.01),
    (ANGLE, "17.2", 0.01),
    (POWER, "8.54e5", 0.01),
    (of("pool_matrix", "2.5 2.17", **POOL), "2.5 2.16", 0.01),
    (ROOT, "-1.005, 0, 1.005", 0.01),
    (of("codeio", '{"x": 1.0}'), '{"x": 1.005}', 0.01),
]


@pytest.mark.parametrize(("metadata", "answer", "tolerance"), TOLERANT, ids=[m["task"] for m, _, _ in TOLERANT])
def test_a_tolerance_is_granted_where_the_recipe_asks(metadata: dict, answer: str, tolerance: float) -> None:
    assert judged(answer, metadata).status is Status.WRONG
    assert judged(answer, metadata, tolerance=tolerance).status is Status.CORRECT
    assert judged(answer, metadata, tolerance=1e-6).status is Status.WRONG


def test_whole_numbers_are_granted_none() -> None:
    assert judged("1001", of("chain_sum", "1000"), tolerance=0.01).status is Status.WRONG


def test_a_weekday_before_the_time_of_day_does_not_hide_it() -> None:
    question = "It ran from 2717-11-23 (Friday) 04:35:47 +0000 to 2718-02-06 (Wednesday) 07:25:08 +0100. Answer in D days, HH:MM:SS."
    metadata = of(
        "time_intervals",
        "75 days, 00:00:00",
        question,
        task_type="datetime_tz",
        expected_format="D days, HH:MM:SS",
        format="%Y-%m-%d (%A) %H:%M:%S %z",
    )
    assert judged("75 days, 01:49:21", metadata).status is Status.CORRECT
    assert judged("75 days, 00:00:00", metadata).status is Status.WRONG


def test_no_millisecond_is_lost() -> None:
    metadata = of(
        "time_intervals",
        "12:27:12.868",
        task_type="time_ms",
        expected_format="HH:MM:SS.mmm",
        format="%H:%M:%S.%f",
        start_time="2024-01-01 01:00:00.001000",
        end_time="2024-01-01 13:27:12.870000",
    )
    assert judged("12:27:12.869", metadata).status is Status.CORRECT
    assert judged("12:27:12.868", metadata).status is Status.WRONG
