"""What is refused before anything is computed, what is not, and that nothing in either list is slow or kills its worker."""

import itertools

import pytest

from verifiers import Sample, Status
from verifiers.math import equivalent, math_verifier
from verifiers.math.compare import compare
from verifiers.math.limits import RefusedError, UnreadableError
from verifiers.math.parser import readings
from verifiers.pool import VerifierPool

REFUSED = [
    ("9^{9^{9^{9}}}", "a power"),
    ("9^{9^9}", "a power"),
    ("9**9**9", "a power"),
    ("10^{10^{10}}", "a power"),
    ("2^{2^{2^{2^{2^{2}}}}}", "a power"),
    ("(x+1)^{1000000}", "a power"),
    ("x^{-9999999}", "a power"),
    ("(((1.5^{9999})^{9999})^{9999})^{9999}", "a power"),
    ("e^{e^{e^{e^{e^{5}}}}}", "a power"),
    ("1e99999", "a number"),
    ("1e-99999", "a number"),
    ("((((9!)!)!)!)!", "factorial"),
    ("100000!", "factorial"),
    ("(x+10^6)!", "factorial"),
    ("9999!!", "factorial"),
    ("\\binom{1000000}{500000}", "binomial"),
    ("5!!!!!!!!!!!", "factorial"),
    ("1" * 1001, "digits"),
    ("x+" * 1001, "characters"),
    ("(" * 31 + "1" + ")" * 31, "deeper than 30"),
    ("{" * 31 + "1" + "}" * 31, "deeper than 30"),
    ("\\sqrt" * 200 + "2", "nested"),
    ("\\sqrt{" * 100 + "2" + "}" * 100, "nested"),
    ("\\sin " * 200 + "x", "nested"),
    ("\\frac{1}{" * 60 + "2" + "}" * 60, "nested"),
    ("x^" * 200 + "2", "nested"),
    ("e^\\ln " * 200 + "2", "nested"),
    ("\\text{" * 60 + "1=1" + "}" * 60, "nested"),
    ("\\begin{pmatrix}" + "&".join(["1"] * 600) + "\\end{pmatrix}", "matrix"),
    (",".join(["1"] * 500), "list"),
]
TAKEN = [
    "2^{100}",
    "x^{2^{10}}",
    "10^{2024}",
    "2^{2^{2^{2^2}}}",
    "20!",
    "1000!",
    "\\sqrt{\\sqrt{2}}",
    "1" * 900,
    "(2^{3})^{4}",
    "\\frac{1}{1+\\frac{1}{2}}",
    "(" * 20 + "5" + ")" * 20,
    "\\sqrt{1+" * 15 + "x" + "}" * 15,
    "(x+1)^{500}",
    "\\binom{1000}{500}",
    "+".join(f"x_{{{i}}}" for i in range(100)),
]


@pytest.mark.parametrize(("answer", "why"), REFUSED)
def test_what_is_too_large_is_refused_by_name(answer: str, why: str) -> None:
    verdict = compare(answer, "y+1")
    assert verdict.status is Status.UNPARSED
    assert why in verdict.reason


_NESTING = r"e^ 2^ x_ - ! | ( { [ \{ \ln \sin \sqrt \frac1 \binom \log_ \log^ \vec \bar \text{ \lfloor \det \int = +"
NESTING = _NESTING.split()


@pytest.mark.parametrize("first", NESTING)
def test_no_nesting_exhausts_the_stack(first: str) -> None:
    units = [first, *map(" ".join, itertools.product([first], NESTING))]
    assert [unit for unit in units if exhausts_the_stack(f"{unit} " * (1900 // (len(unit) + 1)))] == []


def exhausts_the_stack(text: str) -> bool:
    try:
        readings(text)
    except RecursionError:
        return True
    except (RefusedError, UnreadableError):
        return False
    return False


@pytest.mark.parametrize("answer", TAKEN)
def test_ordinary_answers_are_not_refused(answer: str) -> None:
    assert compare(answer, "y+1").status is Status.WRONG
    assert equivalent(f"{answer}+0", answer)


@pytest.mark.parametrize("answer", ["(x+1)^{100000}", "9^{9^{9^{9}}}", "100000!"])
def test_a_refused_answer_that_is_the_reference_is_correct(answer: str) -> None:
    assert math_verifier(Sample("", f"\\boxed{{{answer}}}", answer)).status is Status.CORRECT  # type: ignore[union-attr]


HEAVY = [
    ("x^2=2", "\\sin(x^{17}+x^3)=e^{x^5}"),
    ("\\log_2 3", "\\log_{2^5}(\\log_{2^4}(\\log_{2^3}(\\log_{2^2}(\\log_{2}(2^{2^{2^{2^{16}}}})))))"),
    ("5", "\\prod_{k=1}^{10^9} k"),
    ("5", "\\int_0^{10^9} e^{e^{e^x}} dx"),
    ("\\sum_{k=1}^n k", "\\sum_{k=1}^{999} k^{k}"),
    ("\\int_0^1 f(x) dx", "\\sin(\\sin(\\sin(\\sin(x^{99}))))"),
    ("5", "\\sin(10^{500})"),
    ("5", "\\tan(\\tan(\\tan(\\tan(5^{5^5}))))"),
    ("(x+y+z+w+v)^{30}", "(x+y+z+w+v)^{29}(x+y+z+w+v+10^{-60})"),
    ("\\sqrt{2}", "+".join(f"\\sqrt{{{p}}}" for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37))),
    ("1,2", ",".join(str(i % 7) for i in range(199))),
    (",".join(map(str, range(150))), ",".join(map(str, reversed(range(1, 151))))),
    ("\\pm 1", "+".join(["(\\pm 1)"] * 200)),
    ("5", "\\begin{pmatrix}1&1\\\\1&0\\end{pmatrix}" * 50),
    ("\\begin{pmatrix}1&1\\\\1&0\\end{pmatrix}", "\\begin{pmatrix}x&y\\\\y&0\\end{pmatrix}" * 50),
    ("x+1", "(x+1)(x+2)" * 190),
    ("5", "|" * 1900),
    ("5", "x_" * 900),
    ("5", "-" * 1900 + "4"),
    ("5", "1/" * 900 + "1"),
    ("5", "\\begin{cases}" + "1" * 900),
    ("5", "\\operatorname{eye}(10000000)"),
    ("5", "\\pm " * 600 + "5"),
    ("5", "\\operatorname{cis} 30^" * 80 + "2"),
    ("5", "\\operatorname{cis} " * 80 + "2"),
    ("x", "f(" * 25 + "x" + ")" * 25),
]


def test_no_refused_or_heavy_answer_costs_its_worker(pool: VerifierPool) -> None:
    """A wall limit far above what any takes: none is killed, and none is right."""
    before = pool.stats().restarts
    rows = HEAVY + [("y+1", answer) for answer, _ in REFUSED]
    verdicts = pool.verify("math", {}, [Sample("", f"\\boxed{{{answer}}}", gold) for gold, answer in rows])
    assert {v.status for v in verdicts} <= {Status.WRONG, Status.UNPARSED}
    assert pool.stats().restarts == before
