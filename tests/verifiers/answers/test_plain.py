"""What a line of LaTeX or markdown shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.answers.plain import MAX_DEPTH, TooDeepError, plain

SHOWN = [
    ("~B", "~B"),
    (r"\text{ ~B}", "~B"),
    ("A~B", "A B"),
    (r"1\;234", "1\u00a0234"),
    (r"1\ a", "1 a"),
    ("5", "5"),
    (r"\mathrm{kg\,m^2/s^2}", "kg m^2/s^2"),
    (r"\mathrm{kg}\mathrm{m}", "kg m"),
    (r"\mu\text{m}", "\u03bcm"),
    (r"\mathrm{k}\Omega", "k\u03a9"),
    (r"5\text{ cm}", "5 cm"),
    (r"1{,}000", "1,000"),
    (r"12,\!500,\! 300", "12,500,300"),
    (r"1\,234", "1\u00a0234"),
    (r"a\,b", "a b"),
    (r"\tfrac12", "(1)/(2)"),
    (r"\frac{1}2", "(1)/(2)"),
    (r"3\frac{\frac12}{4}", "3((1)/(2))/(4)"),
    ("3½", "3(1)/(2)"),
    ("10⁻⁸", "10^(-8)"),
    (r"20^{\circ}\mathrm{C}", "20°C"),
    (r"20^\circ \text{C}", "20°C"),
    ("20℃", "20°C"),
    ("５．０", "5.0"),
    ("٣٤", "34"),
    ("5−3", "5-3"),
    ("**B**", "B"),
    ("`B`", "B"),
    ("*B*", "B"),
    ("a*b*c", "a*b*c"),
    ("$x$", "x"),
    ("$$x$$", "x"),
    (r"\(x\)", "x"),
    ("$20", "$20"),
    (r"\$20", "$20"),
    (r"$\$20$", "$20"),
    (r"5\%", "5%"),
    (r"\{1, 2\}", "{1, 2}"),
    (r"\left(1\right)", "(1)"),
    (r"1 \lor 2", "1 or 2"),
    ("A\u200bB\u202e\ufeff", "AB"),
    ("A\ufe0f\u3164", "A"),
    ("a \n\t b", "a b"),
    ("5.", "5"),
    ("5...", "5..."),
    ("А", "А"),  # Cyrillic
    (r"\alpha", r"\alpha"),
    ("5} or 6", "5} or 6"),
    ("{5", "5"),
    ("5\\", "5"),
    (r"\frac", "()/()"),
    ("①", "①"),
]


@pytest.mark.parametrize(("text", "line"), SHOWN)
def test_what_it_shows(text: str, line: str) -> None:
    assert plain(text) == line


@pytest.mark.parametrize("opening", ["{", r"\text{", r"\frac{", r"\frac", r"\text", "^{"])
def test_deep_nesting_is_refused(opening: str) -> None:
    with pytest.raises(TooDeepError, match=str(MAX_DEPTH)):
        plain(opening * (MAX_DEPTH + 2) + "5")
    with pytest.raises(TooDeepError):
        plain(opening * 2000)


@given(
    st.lists(
        st.sampled_from(["\\frac", "\\text", "\\", "{", "}", "^", "$", "1", "a", " ", "½", "⁸", "\u200b", "*"]),
        max_size=40,
    )
)
def test_any_mixture_is_read(parts: list[str]) -> None:
    try:
        shown = plain("".join(parts))
    except TooDeepError:
        return
    assert "\u200b" not in shown
    assert shown == shown.strip()
    assert "  " not in shown


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(plain(text), str)
