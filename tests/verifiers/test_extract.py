"""Where the answer is found, and where it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.extract import after_thinking, final_answer, last_boxed, last_line, tag_contents

BOXES = [
    (r"\boxed{5}", "5"),
    (r"First \boxed{3}, no: \boxed{5}.", "5"),
    (r"\boxed{1}\boxed{2}", "2"),
    (r"\boxed{\boxed{5}}", "5"),
    (r"\boxed{ \boxed{ 5 } }", "5"),
    (r"\boxed{1} + \boxed{2}", "2"),
    (r"\boxed{\boxed{1}}+\boxed{\boxed{ {2} }}", "{2}"),
    (r"\boxed{\boxed{1}\boxed{2}}", r"\boxed{1}\boxed{2}"),
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
    ("<think>cut off", ""),
    ("<think>a</think>b<think>c", ""),
    ("<think>a<think>b</think>c", "c"),
    ("opened by the prompt</think>c", "c"),
    ("<THINK>a", ""),
    ("<think >a", ""),
    ("< think>a", ""),
    ('<think lang="en">a', ""),
    ("<think/>a", ""),
    ("<thinking>a", ""),
    ("<Thought>a", ""),
    ("<reasoning\n>a", ""),
    ("<thi\u200bnk>a", ""),
    ("<th\x00ink>a", ""),
    ("<think>a</think>b<thinking>c", ""),
    ("<thinking>a<think>b</think>c", "c"),
    ("<thinking>a</thinking>b", "<thinking>a</thinking>b"),
    ("<think>a</think><reasoning>b</Reasoning>c", "<reasoning>b</Reasoning>c"),
    ("<think>a</thinking>b", ""),
    ("<think>a</think >b", "b"),
    ("<THINK>a</THINK>b", "b"),
    ("a < think b", "a < think b"),
    ("<thinker>a, x<y, <b>c</b>", "<thinker>a, x<y, <b>c</b>"),
    ("नम\u200dस्ते", "नम\u200dस्ते"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "rest"), THINKING)
def test_after_thinking(text: str, rest: str) -> None:
    assert after_thinking(text) == rest


@pytest.mark.parametrize(
    ("text", "close", "rest"),
    [
        ("◁think▷a◁/think▷b", "◁/think▷", "b"),
        ("◁think▷a", "◁/think▷", ""),
        ("<think>a", "", "<think>a"),
        ("<reason>a</REASON>b", "</reason>", "b"),
        ("<Reason>a", "</reason>", ""),
        ("<think>a</reason>b<think>", "</reason>", ""),
        ("a FINAL b", "FINAL", " b"),
        ("a", "FINAL", "a"),
    ],
)
def test_other_marks_of_the_thinking_part(text: str, close: str, rest: str) -> None:
    assert after_thinking(text, close) == rest


FINAL = [
    ("The final answer is 7.", "7"),
    ("The answer is: 7.", "7"),
    ("Final Answer: The largest $n$ is 34.", "34"),
    ("Final answer: $x=5$", "x=5"),
    ("**Final Answer**\n\n\\[ 9 \n\\]", "9"),
    ("the final answer is $12$ and $13$.", "$12$ and $13$"),
    ("The final answer is 3.5. I hope it is correct.", "3.5"),
    ("The final answer is 1. The final answer is 2.", "2"),
    ("The final answer is", None),
    ("so 7", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "found"), FINAL)
def test_final_answer(text: str, found: str | None) -> None:
    assert final_answer(text) == found


@given(
    st.lists(
        st.sampled_from(["answer", " is ", "$", "\\(", "\\)", "\n", ". ", "7", "final ", ":", "\\", "="]), max_size=40
    )
)
def test_any_statement_is_read_without_an_exception(parts: list[str]) -> None:
    found = final_answer("".join(parts))
    assert found is None or found.strip()


@pytest.mark.parametrize(
    "piece",
    [
        "\\boxed{",
        "{",
        "}",
        "\\boxed{ ",
        "\\",
        "answer is ",
        "$",
        "\\(",
        "<think>",
        "\\boxed{1}",
        "<think " * 2,
        "< ",
        "<think>\u200b",
    ],
)
def test_a_megabyte_of_anything_is_read_in_one_pass(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    closed = text + "}" * text.count("{")
    for response in (text, closed):
        rest = after_thinking(response)
        assert len(last_boxed(rest) or "") <= len(response)
        assert len(final_answer(rest) or "") <= 4000


def test_tags_and_lines() -> None:
    assert tag_contents("<a>1</a> <a>2</a> <a>3", "a") == ["1", "2"]
    assert last_line("one\n two \n\n") == "two"
    assert last_line(" \n") is None
