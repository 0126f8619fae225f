import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.metrics.text import one_line, terminal_text


@pytest.mark.parametrize(
    ("hostile", "clean"),
    [
        ("plain\ttext\nüber 数学 🙂", "plain\ttext\nüber 数学 🙂"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;ZXZpbA==\x07x", "x"),
        ("\x1bPq#0\x1b\\x", "x"),
        ("\x1bcreset", "reset"),
        ("a\rb", "ab"),
        ("a\r\nb", "a\nb"),
        ("bell\x07 back\x08 nul\x00", "bell back nul"),
        ("abc\u202edef\u2066", "abcdef"),
        ("x\u2028y", "xy"),
        ("\x1b", ""),
        ("[red]not markup[/red]", "[red]not markup[/red]"),
    ],
)
def test_escapes_and_controls_are_taken_out(hostile, clean):
    assert terminal_text(hostile) == clean


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b\x9b[]0;m\x07\\Pc"))))
def test_no_control_character_survives_and_nothing_is_left_to_do(text):
    clean = terminal_text(text)
    assert all(c in "\n\t" or unicodedata.category(c) != "Cc" for c in clean)
    assert terminal_text(clean) == clean


def test_one_line_is_short_and_flat():
    assert one_line("a\n  b\tc\x1b[1m") == "a b c"
    assert one_line("x" * 10, width=5) == "xxxx…"
