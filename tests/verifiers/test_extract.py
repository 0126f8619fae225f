"""Where the answer is found, and where it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.extract import after_thinking, last_boxed, last_line, tag_contents

BOXES = [
    (r"\boxed{5}", "5"),
    (r"First \boxed{3}, no: \boxed{5}.", "5"),
    (r"\boxed{1}\boxed{2}", "2"),
    (r"\boxed{\boxed{5}}", "5"),
    (r"\boxed{ \boxed{ 5 } }", "5"),
    (r"\boxed{1} + \boxed{2}", "2"),
    (r"\boxed{\boxed{1}+\boxed{2}}", r"\boxed{1}+\boxed{2}"),
    (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
    (r"\boxed{\{1,2\}}", r"\{1,2\}"),
    (r"\boxed{\{}", r"\{"),
    (r"\fbox{7}", "7"),
    (r"\boxed {8}", "8"),
    (r"{ stray \boxed{9}", "9"),
    (r"stray } \boxed{9} }", "9"),
    (r"\boxed{4} then \boxed{5", "4"),
    (r"\boxed{}", ""),
    (r"\boxed{5", None),
    (r"\boxed 5", None),
    (r"\\boxed{5}", None),
    ("the answer is 5", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "found"), BOXES)
def test_last_boxed(text: str, found: str | None) -> None:
    assert last_boxed(text) == found


@pytest.mark.parametrize("depth", [1, 2000])
def test_boxes_that_never_close_are_no_answer(depth: int) -> None:
    assert last_boxed("\\boxed{" * depth) is None


@given(st.text(st.sampled_from("ab \\{}$"), max_size=30).filter(lambda t: "boxed" not in t))
def test_a_box_around_balanced_text_gives_it_back(text: str) -> None:
    inner = text.replace("\\", "").replace("{", "").replace("}", "")
    assert last_boxed("noise \\boxed{x} " + "\\boxed{" + inner + "}") == inner.strip()


@given(st.lists(st.sampled_from(["\\boxed{", "\\fbox", "{", "}", "\\", "1", " ", "\\{"]), max_size=60))
def test_any_mixture_is_read_without_an_exception(parts: list[str]) -> None:
    text = "".join(parts)
    found = last_boxed(text)
    assert found is None or found in text


THINKING = [
    ("<think>\\boxed{1}</think>\\boxed{2}", "\\boxed{2}"),
    ("a</think>b</think>c", "c"),
    ("no tags", "no tags"),
    ("<think>cut off", "<think>cut off"),
]


@pytest.mark.parametrize(("text", "rest"), THINKING)
def test_after_thinking(text: str, rest: str) -> None:
    assert after_thinking(text) == rest


def test_tags_and_lines() -> None:
    assert tag_contents("<a>1</a> <a>2</a> <a>3", "a") == ["1", "2"]
    assert last_line("one\n two \n\n") == "two"
    assert last_line(" \n") is None
