"""The math verifier as tables: right answers, wrong answers, tricks, and what must never reach sympy."""

import pytest

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.math import gold_response, math_verifier
from verifiers.math.text import normalise, plain_number, refusal


def judge(response: str, reference: str) -> Verdict:
    outcome = math_verifier(Sample("", response, reference))
    assert isinstance(outcome, Verdict)
    return outcome


EQUAL = [
    ("7", "7"),
    ("7", "007"),
    ("-7", "−7"),
    ("2500", "2,500"),
    ("2500", r"2{,}500"),
    ("2500", r"2\,500"),
    ("12500300", r"12,\!500,\! 300"),
    ("2.5", "2.50"),
    ("42", "42."),
    ("42", r"\$42"),
    ("42", "４２"),
    ("42", "4\u200b2"),
    ("3e5", r"3\times10^{5}"),
    (r"3.0\times 10^{5}", "300000"),
    (r"\frac{3}{4}", "0.75"),
    (r"\frac{3}{4}", r"\dfrac34"),
    (r"\frac{3}{4}", "3/4"),
    (r"\frac{3}{4}", "¾"),
    (r"3\sqrt{2}", r"\sqrt{18}"),
    (r"x^2-1", "(x-1)(x+1)"),
    (r"\left(1,\, 2\right)", "(1,2)"),
    (r"(1,\frac{1}{2})", "(1, 0.5)"),
    (r"\{3,1\}", r"\{1,3\}"),
    ("24", "4!"),
    ("x=3", "3"),
    ("3", "x=3"),
    (r"x\geq 3", "x ≥ 3"),
    (r"\text{blue}", r"\text{blue}"),
    (r"\pi", "π"),
    (r"x^2+3x", "x²+3x"),
    ("1101_2", "1101_{2}"),
    (r"\begin{pmatrix}1&2\\0&1\end{pmatrix}", r"\begin{bmatrix}1&2\\0&1\end{bmatrix}"),
]

DIFFERENT = [
    ("7", "8"),
    ("7", "-7"),
    ("2500", "2,50"),
    ("2500", r"2\,50"),
    ("12", "1 2"),
    ("3000001", "3000002"),
    ("0.0000001", "0.0000002"),
    ("3.0000001", "3.0000002"),
    ("1e-20", "1e-21"),
    (r"3\times10^{-34}", "0"),
    ("123456", "123457"),
    ("5", "500"),
    (r"\frac{3}{4}", r"\frac{4}{3}"),
    (r"\sqrt{2}", r"\sqrt{3}"),
    ("1101_2", "1101_3"),
    ("x_1", "x_2"),
    ("(1,2)", "(2,1)"),
    (r"\{1,3\}", r"\{1,3,5\}"),
    (r"(x-1)(x+1)", "x^2-1.0001"),
    (r"\text{stale}", r"\text{least}"),
    (r"\begin{pmatrix}1&2\\0&1\end{pmatrix}", r"\begin{pmatrix}1&0\\2&1\end{pmatrix}"),
    ("7", "6=7"),
    ("7", "7=7"),
    ("7", "x=x"),
    ("4=4", "3=3"),
    ("7", "7 or 8"),
    ("7", r"7\text{ or }8"),
    ("7", "7;8"),
    ("7", "7,8"),
    ("7", ",".join(map(str, range(100)))),
    ("0", r"\text{False}"),
    ("7", r"\frac{0}{0}"),
    ("7", r"7\pm 1"),
    (r"\frac{1}{2}", r"i \frac = \int \frac{1}{2}\mod<i|\{x$"),
    (r"\frac{1}{2}", r"\sum _ \frac{1}{2} \lim\%i<= \%"),
    (r"\frac{1}{2}", "maybe $\\frac{1}{2}$, maybe $3$"),
]


@pytest.mark.parametrize(("gold", "answer"), EQUAL)
def test_an_equal_answer_is_correct(gold: str, answer: str) -> None:
    verdict = judge(f"so it is $\\boxed{{{answer}}}$.", gold)
    assert (verdict.status, verdict.score, verdict.extracted) == (Status.CORRECT, 1.0, answer)


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_a_different_answer_is_wrong(gold: str, answer: str) -> None:
    verdict = judge(f"so it is $\\boxed{{{answer}}}$.", gold)
    assert (verdict.status, verdict.score) == (Status.WRONG, 0.0)


RESPONSES = [
    ("the answer is 7", "7", Status.UNPARSED),
    ("7", "7", Status.UNPARSED),
    ("", "7", Status.UNPARSED),
    (r"\boxed{}", "7", Status.UNPARSED),
    (r"\boxed{7", "7", Status.UNPARSED),
    (r"\boxed{7} or rather \boxed{8}", "7", Status.WRONG),
    (r"\boxed{8} or rather \boxed{7}", "7", Status.CORRECT),
    (r"\boxed{8} The answer is 7.", "7", Status.WRONG),
    (r"<think>\boxed{7}</think> so 8", "7", Status.UNPARSED),
    (r"<think>\boxed{8}</think> \boxed{7}", "7", Status.CORRECT),
    (r"\boxed{8 \boxed{7}}", "7", Status.UNPARSED),
    (r"\boxed{7}", r"\boxed{7}", Status.CORRECT),
    (r"\boxed{7}", " ", Status.ERROR),
    (r"\boxed{7}", "7}", Status.ERROR),
]


@pytest.mark.parametrize(("response", "gold", "status"), RESPONSES)
def test_only_the_last_box_counts(response: str, gold: str, status: Status) -> None:
    assert judge(response, gold).status is status


INJECTIONS = [
    "__import__('pathlib').Path(MARK).touch()",
    r"\text{__import__('pathlib').Path(MARK).touch()}",
    "().__class__.__bases__[0].__subclasses__()",
    "[open(MARK,'w')]",
    r"\pi+open(MARK,'w')",
    "exec('open(MARK,\"w\")')",
]


@pytest.mark.parametrize("payload", INJECTIONS)
def test_nothing_of_an_answer_is_executed(payload: str, tmp_path) -> None:
    mark = tmp_path / "ran"
    verdict = judge(f"\\boxed{{{payload.replace('MARK', repr(str(mark)))}}}", r"\begin{pmatrix}1\\2\end{pmatrix}")
    assert verdict.status in (Status.WRONG, Status.UNPARSED)
    assert not mark.exists()


REFUSED = [
    ("9^{9^{9^{9}}}", "nested deeper"),
    ("9^{9^9}", "exponent"),
    ("9^{(9^9)}", "exponent"),
    ("9**9**9", "exponent"),
    ("(x+1)^{100000}", "exponent"),
    ("x^{-99999}", "exponent"),
    ("((((9!)!)!)!)!", "factorial"),
    ("9!!!!", "factorial"),
    ("100000!", "factorial"),
    ("1" * 1001, "digits"),
    ("x+" * 1001, "characters"),
    ("(" * 30 + "1" + ")" * 30, "nested"),
    (r"\sqrt" * 40 + "2", "nested"),
    (r"\boxed{1}+\boxed{2}", "box"),
]
TAKEN = [
    "2^{100}",
    "x^{2^{10}}",
    "10^{2024}",
    "20!",
    r"\sqrt{\sqrt{2}}",
    "1" * 900,
    "(2^{3})^{4}",
    r"\frac{1}{1+\frac{1}{2}}",
]


@pytest.mark.parametrize(("answer", "why"), REFUSED)
def test_what_sympy_must_not_see_is_refused_by_name(answer: str, why: str) -> None:
    assert why in (refusal(answer) or "")
    assert judge(f"\\boxed{{{answer}}}", "y+1").status is Status.UNPARSED


@pytest.mark.parametrize("answer", TAKEN)
def test_ordinary_answers_are_not_refused(answer: str) -> None:
    assert refusal(answer) is None


def test_a_refused_answer_that_is_the_reference_is_correct() -> None:
    assert judge(r"\boxed{(x+1)^{100000}}", "(x+1)^{100000}").status is Status.CORRECT


NUMBERS = [
    ("1,234.50", 1234.5),
    ("2e3", 2000),
    (r"\$7", 7),
    (".5", 0.5),
    ("1,23", None),
    (".", None),
    ("1/2", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_plain_numbers(text: str, value: float | None) -> None:
    number = plain_number(text)
    assert (None if number is None else float(number)) == value


NORMAL = [
    (r"\left( 1 , 2 \right)", "(1,2)"),
    ("1 2", "1 2"),
    (r"\dfrac{a}{b}", r"\frac{a}{b}"),
    ("$5$.", "5"),
    (r"\$5", r"\$5"),
]


@pytest.mark.parametrize(("text", "plain"), NORMAL)
def test_normalise(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_the_gold_response_is_the_boxed_reference() -> None:
    assert gold_response(Sample("", "", r"\frac{1}{2}")) == r"\boxed{\frac{1}{2}}"
    assert gold_response(Sample("", "", None)) is None
