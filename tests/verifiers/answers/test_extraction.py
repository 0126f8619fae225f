"""Where each verifier of this family looks for the answer, and where it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.answers.extraction import MAX_ANSWER_CHARS, MISSING, answer_of, written
from verifiers.base import Status, Verdict

FOUND = [
    ("boxed", "\\boxed{5\u0336}", None),
    ("answer_tag", "<answer>a\u20e5</answer>", None),
    ("boxed", "\\boxed{x =\u0338 2}", "x =\u0338 2"),
    ("boxed", r"\boxed{1} and \boxed{2}", "2"),
    ("boxed", r"<think>\boxed{1}</think> \boxed{ 2 }", "2"),
    ("boxed", r"\boxed{2} The final answer is 3.", "2"),
    ("answer_tag", "<answer>1</answer><answer> 2 </answer>", "2"),
    ("answer_tag", r"<answer>so \boxed{2}</answer>", "2"),
    ("answer_tag", r"\boxed{1} <answer>2</answer> \boxed{3}", "2"),
    ("last_line", "1\n2\n\n", "2"),
    ("last_line", "1\nso $\\boxed{2}$.", "2"),
    ("final_answer", r"\boxed{1} The final answer is 2.", "1"),
    ("final_answer", r"The final answer is $\boxed{2}$.", "2"),
    ("final_answer", "The final answer is 2", "2"),
    ("final_answer", "The final answer is **2**.", "2."),
    ("final_answer", "The final answer is `2`.", "2."),
    ("final_answer", "The final answer is **$2$**.", "$2$."),
    ("final_answer", "The final answer is **`2`**", "2"),
    ("final_answer", "The final answer is **2.**", "2."),
    ("final_answer", "**The final answer is 2.**", "2."),
    ("final_answer", "The final answer is 2**3", "2**3"),
    ("final_answer", "The final answer is **2** or **3**.", "2** or **3."),
    ("final_answer", "The final answer is 2.\nBye.", "2."),
    ("final_answer", "Final answer: 2", "2"),
    ("final_answer", "**Final Answer:** 2", "2"),
    ("final_answer", "**Final answer**\n", None),
    ("final_answer", "**Final answer:**\n\n2\n3", "2"),
    ("final_answer", "the final answer is 1 ... the final answer is 2", "2"),
    ("final_answer", "<think>the final answer is 1</think> 2", None),
    ("final_answer", "my final answers are 2", None),
    ("boxed", "The final answer is 2.", None),
    ("boxed", "<answer>2</answer>", None),
    ("boxed", r"<think>\boxed{2}</think>", None),
    ("boxed", r"\boxed{2", None),
    ("boxed", r"\boxed{ }", None),
    ("answer_tag", "<answer>2", None),
    ("answer_tag", "2", None),
    ("last_line", " \n ", None),
    ("boxed", r"\boxed{" + "1" * (MAX_ANSWER_CHARS + 1) + "}", None),
]


@pytest.mark.parametrize(("extract", "response", "answer"), FOUND)
def test_where_the_answer_stands(extract: str, response: str, answer: str | None) -> None:
    found = answer_of(response, extract, "answer", "</think>")
    if answer is None:
        assert isinstance(found, Verdict)
        assert found.status is Status.UNPARSED
        assert found.reason
    else:
        assert found == answer


def test_tag_and_end_of_thinking_are_the_recipes() -> None:
    assert answer_of("<a>1</a> end <a>2</a>", "answer_tag", "a", "end") == "2"
    assert answer_of("<think>x</think>\n1", "last_line", "answer", "") == "1"


def test_another_place_is_refused() -> None:
    with pytest.raises(ValueError, match="extract: found 'box'; write one of boxed, answer_tag"):
        answer_of("", "box", "answer", "</think>")


@pytest.mark.parametrize("extract", sorted(MISSING))
@given(
    answer=st.text(
        st.characters(
            exclude_characters="\\{}<>*_`:\u0335\u0336\u0337\u0338\u20d2\u20d3\u20e0\u20e5\u20e6\u20eb",
            exclude_categories=("C", "Z"),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_a_gold_answer_is_found_again(extract: str, answer: str) -> None:
    assert answer_of(written(answer, extract, "answer"), extract, "answer", "</think>") == answer.strip()


def test_a_gold_answer_that_cannot_be_boxed_says_so() -> None:
    with pytest.raises(ValueError, match="do not balance"):
        written("5}", "boxed", "answer")


@pytest.mark.parametrize("extract", sorted(MISSING))
@pytest.mark.parametrize(
    "piece", ["final answer is ", "final ", "\\boxed{", "<answer>", "**", "\n", "final answer\u200b"]
)
def test_a_megabyte_of_anything_has_an_end(extract: str, piece: str) -> None:
    found = answer_of(piece * (1_000_000 // len(piece)), extract, "answer", "</think>")
    assert isinstance(found, str | Verdict)
