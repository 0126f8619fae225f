"""What the grammar reads, as which tree, and what it does not read."""

from fractions import Fraction

import pytest

from verifiers.math.limits import UnreadableError
from verifiers.math.nodes import Call, Group, Matrix, Node, Number, Numeral, Quantity, Relation, Symbol, spelled
from verifiers.math.parser import parse, readings
from verifiers.math.text import normalise
from verifiers.math.units import conflict, unit


def tree(text: str) -> Node:
    return parse(normalise(text))


def number(value: float | str | Fraction) -> Number:
    return Number(Fraction(value))


X, Y = Symbol("x"), Symbol("y")
TREES = [
    ("5", number(5)),
    ("3\\frac{1}{2}", number("7/2")),
    ("3 1/2", number("7/2")),
    ("3\\frac{3}{2}", Call("*", (number(3), number("3/2")))),
    ("0.1\\overline{6}", number("1/6")),
    ("\\frac{1}{2}", number("1/2")),
    ("\\frac12", number("1/2")),
    ("\\frac{1}{0}", Call("^", (number(0), number(-1)))),
    ("101_2", Numeral("101", 2)),
    ("1A_{16}", Numeral("1A", 16)),
    ("x_2", Symbol("x_2")),
    ("x_{n+1}", Symbol("x_n+1")),
    ("f(x)", Call("f:f", (X,))),
    ("f'(x)", Call("f:f'", (X,))),
    ("f^{-1}(x)", Call("f:f^-1", (X,))),
    ("|x|", Call("abs", (X,))),
    ("\\sqrt[3]{x}", Call("root", (X, number(3)))),
    ("√2", Call("root", (number(2), number(2)))),
    ("\\sin^{-1}x", Call("arcsin", (X,))),
    ("\\log_2 3", Call("log", (number(3), number(2)))),
    ("\\log_23", Call("log", (number(3), number(2)))),
    ("\\log_10 5", Call("log", (number(5), number(10)))),
    ("30^\\circ", Call("deg", (number(30),))),
    ("5\\%", Call("%", (number(5),))),
    ("5 percent", Call("%", (number(5),))),
    ("5!!", Call("!!", (number(5),))),
    ("(1,2)", Group("(", ")", (number(1), number(2)))),
    ("]1,2]", Group("(", "]", (number(1), number(2)))),
    ("\\{1\\}", Group("\\{", "\\}", (number(1),))),
    ("\\emptyset", Group("\\{", "\\}", ())),
    ("1,2 and 3", Group("", "", (number(1), number(2), number(3)), "and")),
    ("1 or 2", Group("", "", (number(1), number(2)), "or")),
    ("1 or 2 and 3", Group("", "", (number(1), number(2), number(3)), "mixed")),
    ("(1 or 2)", Group("", "", (number(1), number(2)), "or")),
    ("(x)", X),
    ("x=5", Relation((X, number(5)), ("=",))),
    ("0<x\\le 1", Relation((number(0), X, number(1)), ("<", "<="))),
    ("x \\not= 1", Relation((X, number(1)), ("!=",))),
    ("\\{x \\mid x>2\\}", Relation((X, number(2)), (">",))),
    ("\\approx 5", number(5)),
    ("5\\text{ cm}^2", Quantity(number(5), "cm^2")),
    ("5\\text{ apples}", Quantity(number(5), "?apples")),
    ("\\$5", Quantity(number(5), "$", currency=True)),
    ("1.5 million dollars", Quantity(Call("*", (number("3/2"), number(10**6))), "$", currency=True)),
    ("\\begin{bmatrix}1&x\\end{bmatrix}", Matrix(((number(1), X),))),
    ("\\begin{pmatrix}1\\\\2\\end{pmatrix}^T", Matrix(((number(1), number(2)),))),
    ("\\text{east}", Symbol("\\text{east}")),
    ("\\overline{AB}", Call("*", (Symbol("A"), Symbol("B")))),
    ("\\vec{a}", Symbol("\\vec{a}")),
    ("3:30", Call(":", (number(3), number(30)))),
    ("x\\equiv1\\pmod{3}", Relation((X, Call("pmod", (number(1), number(3)))), ("equiv",))),
]


@pytest.mark.parametrize(("text", "expected"), TREES)
def test_trees(text: str, expected: Node) -> None:
    assert tree(text) == expected


SAME_TREES = [
    ("x+y", "y+x"),
    ("2xy", "y\\cdot x\\cdot 2"),
    ("(x+1)+2", "x+(1+2)"),
    ("\\frac{x}{y}", "x/y"),
    ("2x/3", "\\frac{2x}{3}"),
    ("-x^2", "-(x^2)"),
    ("x^2^3", "x^{2^3}"),
    ("\\sin x \\cos y", "(\\sin x)(\\cos y)"),
    ("\\sin 2x", "\\sin(2x)"),
    ("\\sin \\pi/3", "\\sin(\\pi/3)"),
    ("\\sin x/3", "(\\sin x)/3"),
    ("\\ln xy", "\\ln(xy)"),
    ("--x", "x"),
    ("+x", "x"),
    ("e^x", "\\exp(x)"),
    ("\\mathrm{e}^x", "e^x"),
    ("pi", "\\pi"),
    ("sqrt(x)", "\\sqrt{x}"),
    ("2**3", "2^3"),
    ("||x|-1|", "\\left|\\left|x\\right|-1\\right|"),
    ("\\sqrt10", "\\sqrt{10}"),
    ("2^10", "2^{10}"),
]


@pytest.mark.parametrize(("one", "two"), SAME_TREES)
def test_the_same_tree(one: str, two: str) -> None:
    assert tree(one) == tree(two)
    assert spelled(tree(one)) == spelled(tree(two))


UNREADABLE = [
    "", "1 2", "x 2", "(1", "1)", "[1}", "\\{1)", "5+", "*5", "\\frac{1}", "\\sqrt", "\\unknown", "\\sin", "^2", "=", "1=",
    "\\begin{cases}1\\end{cases}", "\\begin{pmatrix}1&2\\\\3\\end{pmatrix}", "\\begin", "\\begin{pmatrix}1\\end", "|x",
    "()", "\\sin()", "5 is not right", "5\\text{ or}", "x_", "\\text{a", "\\not5", "€5+\\$5", "!", "\\}",
    "\\int_0^1x", "3''", "\\begin{pmatrix}1\\end{pmatrix}^2", "\\sin(1,2)", "5\\%\\%", "2 \\begin{pmatrix}1\\end{pmatrix}+1",
]  # fmt: skip


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_not_in_the_grammar(text: str) -> None:
    with pytest.raises(UnreadableError):
        tree(text)


READINGS = [
    ("1,234", 2),
    ("(1,234)", 1),
    ("1,22", 2),
    ("1,2", 1),
    ("12,345,678", 2),
    ("5m", 2),
    ("5x", 1),
    ("2e-3", 2),
    ("2e3", 1),
    ("x+1", 1),
]


@pytest.mark.parametrize(("text", "count"), READINGS)
def test_only_ambiguous_writing_has_several_readings(text: str, count: int) -> None:
    assert len(readings(normalise(text))) == count


UNITS = [
    ("square centimeters", "cm^2"),
    ("cm^{2}", "cm^2"),
    ("centimeters squared", "cm^2"),
    ("kilometers per hour", "km/h"),
    ("cubic feet", "ft^3"),
    ("apples", "?apples"),
    ("square units", "unit^2"),
    ("m s^{-2}", "m/s^2"),
    ("m/s^2", "m/s^2"),
    ("J/(mol\\cdot K)", "J/K/mol"),
    ("J mol^{-1} K^{-1}", "J/K/mol"),
    ("J/mol K", "J/K/mol"),
    ("miles per hour", "mi/h"),
    ("s^{-1}", "1/s"),
    ("MW", "MW"),
    ("megawatts", "MW"),
    ("mW", "mW"),
    ("km of road", "?km of road"),
]


@pytest.mark.parametrize(("text", "normal"), UNITS)
def test_units_have_one_spelling(text: str, normal: str) -> None:
    assert unit(text) == normal


def test_only_known_units_conflict() -> None:
    assert conflict("cm", "m")
    assert not conflict("cm", "cm")
    assert not conflict("cm", "")
    assert not conflict("?apples", "?pears")
    assert not conflict("?hours of work", "h")
    assert not conflict("unit^2", "cm^2")
    assert conflict("?apples", "cm")
    assert conflict("cm", "?apples")
    assert conflict("h", "?nights")
