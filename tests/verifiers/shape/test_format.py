"""The format verifier as a table."""

from typing import Any

import pytest

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.shape.format import format_verifier

GOOD = "<think>a</think><answer>\\boxed{1}</answer>"
BOXES = ["1", "x", "-", "[]", "\\{\\}", "\\emptyset", "?", "好", "\\text{no}"]
EMPTY = ["", " ", "\u200b", "\\ ", "\\quad", "~", "{}", ".", "\u3164", "\\,\\!"]
NOTHING = [
    "\u2800",
    "\u3164",
    "\u115f",
    "\u034f",
    "\ufe0f",
    "\u0336",
    "<!-- -->",
    "<!-- a -->",
    "&#8203;",
    "&nbsp;",
    "\\quad",
]
SOMETHING = ["5", "-", "好", "a<!-- b -->", "&amp;lt;", "<b>c</b>", "x < y", "𝟓", "\\{\\}", "नम\u200dस्ते", "<!-- open"]
NEARLY = ["<THINK>z</THINK>", "<Answer>", "</answer >", "< /answer>", '<think a="b">', "<think/>", "<thi\u200bnk>"]
ROWS: list[tuple[str, dict[str, Any], str | None]] = [
    (GOOD, {}, None),
    (f" {GOOD}\n", {}, None),
    (GOOD, {"require_box": True}, None),
    ("a</think><answer>1</answer>", {"opened_by_prompt": True}, None),
    ("hm <think>a</think> so <answer>1</answer>.", {"allow_outside": True}, None),
    ("<plan>a</plan><code>b</code><answer>c</answer>", {"tags": ["plan", "code", "answer"]}, None),
    ("", {}, "<think> occurs 0 times"),
    ("a</think><answer>1</answer>", {}, "<think> occurs 0 times"),
    ("<think>a<answer>1</answer>", {}, "</think> occurs 0 times"),
    ("<think>a</think><think>b</think><answer>1</answer>", {}, "<think> occurs 2 times"),
    ("<think>a</think><answer>1</answer><answer>2</answer>", {}, "<answer> occurs 2 times"),
    ("<answer>1</answer><think>a</think>", {}, "text before <think>"),
    ("<answer>1</answer><think>a</think>", {"allow_outside": True}, "comes too early"),
    ("<think>a<answer>1</answer></think>", {}, "comes too early"),
    ("</think>a<think><answer>1</answer>", {}, "</think> comes before <think>"),
    ("hm <think>a</think><answer>1</answer>", {}, "text before <think>"),
    ("<think>a</think> so <answer>1</answer>", {}, "text before <answer>"),
    ("<think>a</think><answer>1</answer> bye", {}, "text after </answer>"),
    ("<think> </think><answer>1</answer>", {}, "<think> is empty"),
    ("<think>a</think><answer></answer>", {}, "<answer> is empty"),
    ("<think>a</think><answer>1</answer>", {"require_box": True}, "exactly one \\boxed{}"),
    ("<think>a</think><answer>\\boxed{1}\\boxed{2}</answer>", {"require_box": True}, "exactly one \\boxed{}"),
    ("<think>a</think><answer>\\boxed{1</answer>", {"require_box": True}, "exactly one \\boxed{}"),
    (GOOD, {"opened_by_prompt": True}, "<think> occurs 2 times"),
    *((f"<think>a</think><answer>\\boxed{{{box}}}</answer>", {"require_box": True}, None) for box in BOXES),
    *((f"<think>a</think><answer>\\boxed{{{box}}}</answer>", {"require_box": True}, "box is empty") for box in EMPTY),
    ("<think>a</think><answer>\\fbox{6} \\boxed{</answer>", {"require_box": True}, "exactly one \\boxed{}"),
    ("<think>a</think><answer>\\boxed{5} \\fbox{6}</answer>", {"require_box": True}, "exactly one \\boxed{}"),
    ("<think>a</think><answer>\\boxed{\\fbox{6}}</answer>", {"require_box": True}, "exactly one \\boxed{}"),
    *((f"<think>a</think><answer>{text}</answer>", {}, "<answer> is empty") for text in NOTHING),
    *((f"<think>a</think><answer>{text}</answer>", {}, None) for text in SOMETHING),
    *((f"<think>a</think><answer>b {tag}</answer>", {}, "but for case, spaces") for tag in NEARLY),
]


@pytest.mark.parametrize(("response", "config", "problem"), ROWS)
def test_format(response: str, config: dict[str, Any], problem: str | None) -> None:
    verdict = format_verifier(Sample("", response), **config)
    assert isinstance(verdict, Verdict)
    assert verdict.status is (Status.CORRECT if problem is None else Status.WRONG)
    assert (problem or "") in verdict.reason


def test_the_last_tag_is_what_is_extracted() -> None:
    verdict = format_verifier(Sample("", GOOD))
    assert isinstance(verdict, Verdict)
    assert verdict.extracted == "\\boxed{1}"


@pytest.mark.parametrize("tags", [[], ["a", "a"], ["<think>"]])
def test_bad_tags_are_named(tags: list[str]) -> None:
    with pytest.raises(ValueError, match="write distinct tag names"):
        format_verifier(Sample("", ""), tags=tags)


@pytest.mark.parametrize("nothing", ["\u200b", " \u2060\n", "\ufeff\u202e"])
def test_what_does_not_show_is_empty(nothing: str) -> None:
    verdict = format_verifier(Sample("", f"<think>a</think><answer>{nothing}</answer>"))
    assert isinstance(verdict, Verdict)
    assert (verdict.status, verdict.reason) == (Status.WRONG, "<answer> is empty")


def test_a_megabyte_of_tags_has_an_end() -> None:
    for piece in ("<think>", "</answer>", "<think></think><answer>", "<"):
        verdict = format_verifier(Sample("", piece * (1_000_000 // len(piece))))
        assert isinstance(verdict, Verdict)
        assert verdict.status is Status.WRONG
