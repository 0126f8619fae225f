"""Expressions as answers."""

import pytest

from tests.verifiers.logic.entries import judged, of
from verifiers.base import Status

COUNTDOWN = of("countdown", "15 - 4", numbers=[15, 4, 3], target=57)
FOUR = of("puzzle24", "4 + 3 + 9 + 8", numbers=[4, 3, 9, 8])
EIGHTS = of("puzzle24", "8/(3-8/3)", numbers=[8, 3, 8, 3])
PLUS_ONLY = {**of("puzzle24", "4 + 3 + 9 + 8", numbers=[4, 3, 9, 8]), "task_config": {"operators": ["+"]}}
PRODUCT = of("polynomial_multiplication", "x**2 + 3*x + 2", variables=["x"])
SQUARE = of("simple_integration", "x**3/3 + C", variable="x", integrand="x**2")
SINE = of("intermediate_integration", "sin(x)**2/2 + C", variable="x", integrand="sin(x)*cos(x)")
LOG = of("intermediate_integration", "x*log(x) - x + C", variable="x", integrand="log(x)")
ATAN = of("intermediate_integration", "x*atan(2*x) - log(4*x**2 + 1)/4 + C", variable="x", integrand="atan(2*x)")
SUM = of("cryptarithm", "", words_letters=["AB", "C"], result_letters="DE", allow_leading_zero=False)
PRIMES = of("prime_factorization", "2 × 2 × 3", number=12, factors=[2, 2, 3])

RIGHT = [
    (SQUARE, ["F(x) = x^3/3 + C", "x^3/3 + K", "F(x) = \\frac{x^3}{3} + k", "x**3/3 + c"]),
    (LOG, ["F(x) = x*log(x) - x + K", "x\\ln(x) - x + c"]),
    (COUNTDOWN, ["15*4 - 3", "15*4 - 3 = 57", "57 = 15*4 - 3", "$15 \\times 4 - 3 = 57$.", "4 × 15 - 3", "-3 + 4 \\cdot 15", "15(4) - 3", "\\left(15 \\times 4\\right) - 3", "(15*4)-3"]),
    (FOUR, ["4 + 3 + 9 + 8", "8+9+(3+4)"]),
    (EIGHTS, ["8/(3 - 8/3)", "\\frac{8}{3 - \\frac{8}{3}}", "8 ÷ (3 - 8 ÷ 3)"]),
    (PLUS_ONLY, ["4 + 3 + 9 + 8"]),
    (PRODUCT, ["x**2 + 3*x + 2", "x^2+3x+2", "2 + x*3 + x^{2}", "x*x + x + 2*x + 2"]),
    (SQUARE, ["x**3/3 + C", "x**3/3", "\\frac{x^3}{3} + C", "\\frac{1}{3}x^{3} + 7", "(x**3 + 5)/3"]),
    (SINE, ["sin(x)**2/2 + C", "-cos(x)^2/2", "-\\frac{1}{4}\\cos(2x) + C", "\\frac{\\sin^2(x)}{2} + C", "-cos(2*x)/4 + pi"]),
    (LOG, ["x*log(x) - x + C", "x \\ln|x| - x", "x(\\ln(x) - 1) + C", "x*ln(x) - x + e"]),
    (ATAN, ["x*atan(2*x) - log(4*x**2 + 1)/4 + C", "x\\arctan(2x) - \\frac{1}{4}\\ln(1+4x^2)"]),
    (SUM, ["A=1,B=9,C=4,D=2,E=3", "A=1, B=9, C=4, D=2, E=3", '{"A": 1, "B": 9, "C": 4, "D": 2, "E": 3}']),
    (PRIMES, ["2 × 2 × 3", "3*2*2", "2^2 \\times 3", "2**2 * 3", "2 x 2 x 3", "2, 2, 3"]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), RIGHT, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(RIGHT)])
def test_right_in_any_form(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        verdict = judged(answer, metadata)
        assert verdict.status is Status.CORRECT, (answer, verdict.reason)


WRONG = [
    (COUNTDOWN, [("57 = 57", "numbers"), ("15 + 42 = 57", "numbers"), ("15 + 42", "numbers"), ("57", "numbers"), ("15*4 - 3 + 0", "numbers"), ("15*4*3", "worth 180"), ("15 - 4 + 3", "14")]),
    (FOUR, [("8 * 3", "numbers"), ("4 * 3 + 9 + 8", "worth 29"), ("6 * 4", "numbers"), ("12 + 12", "numbers")]),
    (EIGHTS, [("8 * 3 * 8 / 8", "numbers"), ("8*3*3/8", "worth 9")]),
    (PLUS_ONLY, [("4 * 3 + 9 + 8", "not allowed")]),
    (PRODUCT, [("(x + 1)*(x + 2)", "not multiplied out"), ("x**2 + 3*x", "another"), ("x**2 + 3*x + 2.0001", "another")]),
    (SQUARE, [("x**3 + C", "derivative"), ("C", "derivative"), ("x**3/3 + x", "derivative"), ("0", "derivative")]),
    (SINE, [("sin(x)**2 + C", "derivative"), ("0", "derivative"), ("sin(x)**2/2 + x/10**20", "derivative"), ("C", "derivative")]),
    (SUM, [("A=1,B=8,C=4,D=2,E=3", "sum"), ("A=1,B=9,C=4,D=2", "every letter"), ("A=1,B=9,C=9,D=2,E=8", "every letter"),
           ("A=0,B=1,C=2,D=0,E=3", "every letter")]),
    (PRIMES, [("12", "primes"), ("4 × 3", "primes"), ("2 × 3", "another"), ("2 × 2 × 3 × 1", "primes"), ("2 × 2 × 3 × 5", "another")]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), WRONG, ids=[f"{m['task']}{i}" for i, (m, _) in enumerate(WRONG)])
def test_wrong_says_why(metadata: dict, answers: list[tuple[str, str]]) -> None:
    for answer, why in answers:
        verdict = judged(answer, metadata)
        assert (verdict.status, verdict.score) == (Status.WRONG, 0.0), answer
        assert why in verdict.reason, (answer, verdict.reason)


UNPARSED = [
    (COUNTDOWN, ["15*4 - 3 = 58", "15*4 - 3 = 57 = 57", "57 = ", "= 57", "15*4 - 3 or so", "sqrt(15)", "15**4", "15 4 3", "", "15*4-3;", "57 # 15*4", "1/0"]),
    (PRODUCT, ["x**2 + 3*y + 2", "sin(x)", "x**2 + 3*x + 2 = 0", "1/(x+1)", "x**99999"]),
    (SINE, ["integrate(sin(x), x)", "sin(x", "f(x)", "x.diff(x)", "log(-1)/0", "9**9**9*sin(x)", "x**y", "sin x", "1/0"]),
    (SUM, ["A=1", "A=1,A=2", "A=12", "a=1", "A=-1", "A", "{}", "A=1 B=2"][1:]),
    (PRIMES, ["2 + 2 + 3", "", "two", "2 ×", "× 2", "2 × -2", "2^99999", "2 3"]),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "answers"), UNPARSED, ids=[m["task"] for m, _ in UNPARSED])
def test_other_shapes_are_unparsed(metadata: dict, answers: list[str]) -> None:
    for answer in answers:
        assert judged(answer, metadata).status is Status.UNPARSED, answer


def test_a_leading_zero() -> None:
    metadata = of("cryptarithm", "", words_letters=["AB"], result_letters="AB", allow_leading_zero=False)
    assert "leading zero" in judged("A=0,B=1", metadata).reason
    metadata["entry"]["metadata"]["allow_leading_zero"] = True
    assert judged("A=0,B=1", metadata).status is Status.CORRECT
