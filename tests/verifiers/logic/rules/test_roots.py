"""Real roots, against polynomials made of known ones."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifiers.logic.rules.roots import real_roots


def polynomial(*roots: Fraction) -> dict[int, Fraction]:
    factors = [Fraction(1)]
    for root in roots:
        factors = [a - root * b for a, b in zip([Fraction(0), *factors], [*factors, Fraction(0)], strict=True)]
    return {exponent: factor for exponent, factor in enumerate(factors) if factor}


@settings(max_examples=40)
@given(st.lists(st.fractions(-50, 50, max_denominator=40), min_size=1, max_size=5))
def test_every_root_once_in_order(roots: list[Fraction]) -> None:
    found = real_roots(polynomial(*roots))
    assert len(found) == len(set(roots))
    assert all(abs(a - b) < Fraction(1, 10**8) for a, b in zip(found, sorted(set(roots)), strict=True))
    assert all(a < b for a, b in pairwise(found))


def test_repeated_roots_at_zero_and_none_at_all() -> None:
    assert real_roots({4: Fraction(1), 2: Fraction(1)}) == pytest.approx([0])
    assert real_roots({2: Fraction(1), 0: Fraction(1)}) == []
    assert [round(float(r), 4) for r in real_roots({3: Fraction(1), 1: Fraction(-3), 0: Fraction(1)})] == [
        -1.8794,
        0.3473,
        1.5321,
    ]


@pytest.mark.parametrize("terms", [{}, {0: Fraction(5)}, {-1: Fraction(1), 1: Fraction(1)}, {61: Fraction(1)}])
def test_what_is_no_polynomial_with_roots_is_refused(terms: dict) -> None:
    with pytest.raises(ValueError, match="no polynomial of degree"):
        real_roots(terms)
