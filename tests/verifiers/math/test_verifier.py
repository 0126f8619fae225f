"""The whole verifier: where the answer is read, what its statuses say, and the recipe's settings."""

import pytest

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.math import gold_response, math_verifier
from verifiers.math.policy import Policy
from verifiers.specs.answers import MATH


def judge(response: str, reference: str, **config: object) -> Verdict:
    return math_verifier.judge(Sample("", response, reference), config, _no_loop)


def _no_loop(_: object) -> object:
    raise AssertionError("math is not async")


RESPONSES = [
    ("the answer is 7", "7", Status.UNPARSED),
    ("7", "7", Status.UNPARSED),
    ("", "7", Status.UNPARSED),
    ("\\boxed{}", "7", Status.UNPARSED),
    ("\\boxed{7", "7", Status.UNPARSED),
    ("\\boxed{7} or rather \\boxed{8}", "7", Status.WRONG),
    ("\\boxed{8} or rather \\boxed{7}", "7", Status.CORRECT),
    ("\\boxed{7}\\boxed{8}", "7", Status.WRONG),
    ("\\boxed{7} and \\boxed{8}", "7,8", Status.WRONG),
    ("\\boxed{7} then \\boxed{8", "7", Status.CORRECT),
    ("\\boxed{8} The answer is 7.", "7", Status.WRONG),
    ("<think>\\boxed{7}</think> so 8", "7", Status.UNPARSED),
    ("<think>\\boxed{8}</think> \\boxed{7}", "7", Status.CORRECT),
    ("\\boxed{8}</think> \\boxed{7}", "7", Status.CORRECT),
    ("<think> it is \\boxed{7}", "7", Status.UNPARSED),
    ("<think>a</think> <think>\\boxed{7}", "7", Status.UNPARSED),
    ("\\boxed{\\boxed{7}}", "7", Status.CORRECT),
    ("\\boxed{8 \\boxed{7}}", "7", Status.WRONG),
    ("\\fbox{7}", "7", Status.CORRECT),
    ("\\boxed{7}", "\\boxed{7}", Status.CORRECT),
    ("\\boxed{7}", "$7$", Status.CORRECT),
    ("\\boxed{7}", " 7 ", Status.CORRECT),
    ("\\boxed{7}", " ", Status.ERROR),
    ("\\boxed{7}", "7}", Status.ERROR),
    ("\\boxed{7}", "\\boxed{}", Status.WRONG),
]


@pytest.mark.parametrize(("response", "gold", "status"), RESPONSES)
def test_only_the_last_box_counts(response: str, gold: str, status: Status) -> None:
    assert judge(response, gold).status is status


STATED = [
    ("The final answer is 7.", Status.CORRECT),
    ("The final answer is $7$. I hope it is correct.", Status.CORRECT),
    ("**Final Answer:** \\(7\\)", Status.CORRECT),
    ("**Final Answer**\n\n$$7$$", Status.CORRECT),
    ("Answer: 7", Status.CORRECT),
    ("The final answer is 8. No: the final answer is 7.", Status.CORRECT),
    ("The final answer is 7. No: the final answer is 8.", Status.WRONG),
    ("The final answer is 7 or 8.", Status.WRONG),
    ("The final answer is 7.5.", Status.WRONG),
    ("The final answer is 7. \\boxed{8}", Status.WRONG),
    ("<think>the final answer is 7</think> done", Status.UNPARSED),
    ("so it is 7", Status.UNPARSED),
    ("7", Status.UNPARSED),
    ("The final answer is", Status.UNPARSED),
]


@pytest.mark.parametrize(("response", "status"), STATED)
def test_a_final_answer_counts_only_where_the_recipe_allows_it(response: str, status: Status) -> None:
    assert judge(response, "7", extract="final_answer").status is status
    if "boxed" not in response:
        assert judge(response, "7").status is Status.UNPARSED


POLICIES = [
    ({}, "5\\text{ cm}", "5", True),
    ({"units": "require"}, "5\\text{ cm}", "5", False),
    ({"units": "require"}, "5\\text{ cm}", "5\\text{ centimeters}", True),
    ({"units": "require"}, "5\\text{ apples}", "5\\text{ pears}", False),
    ({"units": "require"}, "5", "5\\text{ cm}", False),
    ({"units": "ignore"}, "5\\text{ cm}", "5\\text{ m}", True),
    ({}, "5\\text{ cm}", "5\\text{ m}", False),
    ({}, "\\$5", "5", True),
    ({}, "\\$5", "5€", False),
    ({"currency": "ignore"}, "\\$5", "5€", True),
    ({"currency": "require"}, "\\$5", "5", False),
    ({"currency": "require"}, "\\$5", "5\\text{ dollars}", True),
    ({"units": "require"}, "\\$5", "5", True),
    ({"percent": "sign"}, "28\\%", "28", True),
    ({"percent": "sign"}, "28\\%", "0.28", False),
    ({"percent": "value"}, "28\\%", "28", False),
    ({"percent": "value"}, "28\\%", "0.28", True),
    ({"percent": "require"}, "28\\%", "28", False),
    ({"percent": "require"}, "28\\%", "0.28", False),
    ({"percent": "require"}, "28\\%", "28\\text{ percent}", True),
    ({"percent": "require"}, "28", "28\\%", False),
    ({"intervals": "strict"}, "(0,1)", "0<x<1", False),
    ({"intervals": "strict"}, "0<x<1", "(0,1)", False),
    ({"intervals": "strict"}, "0<x<1", "1>x>0", True),
    ({"intervals": "strict"}, "x\\in(0,1)", "(0,1)", True),
    ({"rounded_digits": 0}, "0.333", "\\frac{1}{3}", False),
    ({"rounded_digits": 2}, "0.33", "\\frac{1}{3}", True),
    ({}, "0.33", "\\frac{1}{3}", False),
    ({"rounded_digits": 4}, "0.333", "\\frac{1}{3}", False),
]


@pytest.mark.parametrize(("config", "gold", "answer", "right"), POLICIES)
def test_the_recipe_says_what_may_stand_beside_a_value(
    config: dict[str, object], gold: str, answer: str, right: bool
) -> None:
    verdict = judge(f"\\boxed{{{answer}}}", gold, **config)
    assert verdict.status is (Status.CORRECT if right else Status.WRONG)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"units": "maybe"}, "write one of optional, ignore, require"),
        ({"percent": "x"}, "write one of either, sign, value, require"),
        ({"rounded_digits": -1}, "write 0 or more"),
        ({"extract": "all"}, "write boxed or final_answer"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, object], said: str) -> None:
    verdict = judge("\\boxed{1}", "1", **config)
    assert verdict.status is Status.ERROR
    assert said in verdict.reason


def test_the_spec_names_the_settings_that_the_verifier_takes() -> None:
    defaults = {name: option.default for name, option in MATH.options.items()}
    assert defaults == {"extract": "boxed", "think_close": "</think>", **Policy.settings()}
    math_verifier.check_config(defaults)


REASONS = [
    ("\\boxed{3=4}", "5", "an equality that does not hold"),
    ("\\boxed{x=x}", "5", "an equality that says nothing"),
    ("\\boxed{5,6}", "5", "names several answers"),
    ("\\boxed{6}", "5", "differs from the reference"),
    ("\\boxed{\\frac}", "5", "not an expression that can be read"),
    ("\\boxed{9^{9^9}}", "5", "a power of more than"),
    ("no box", "5", "no closed \\boxed{}"),
    ("\\boxed{ }", "5", "the last \\boxed{} is empty"),
]


@pytest.mark.parametrize(("response", "gold", "reason"), REASONS)
def test_the_reason_says_why(response: str, gold: str, reason: str) -> None:
    assert reason in judge(response, gold).reason


def test_the_answer_is_shown_as_it_was_written() -> None:
    assert judge("\\boxed{ \\dfrac12 }", "0.5").extracted == "\\dfrac12"


def test_the_gold_response_is_the_boxed_reference() -> None:
    assert gold_response(Sample("", "", "\\frac{1}{2}")) == "\\boxed{\\frac{1}{2}}"
    assert gold_response(Sample("", "", None)) is None
