"""`choice`: a multiple-choice question's option, given by its letter, its letter and text, or its text alone.

Only the extracted answer is read: a letter is never looked for in prose. The options come with the prompt's metadata.
"""

from __future__ import annotations

from typing import Any

from verifiers.answers.extraction import answer_of, written
from verifiers.answers.options import Options, options_of
from verifiers.answers.pick import Pick, pick, picks
from verifiers.answers.plain import TooDeepError
from verifiers.base import Sample, Verdict
from verifiers.registry import verifier
from verifiers.verifier import clip

REFERENCES = ("letter_or_text", "index", "index_from_1")


def gold_response(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    choices_field: str = "choices",
    letters: str = "",
    reference: str = "letter_or_text",
    several: bool = False,
    **_config: Any,
) -> str | None:
    """The letter of the reference, or its letters."""
    options = options_of(sample.metadata, choices_field, letters)
    return written(", ".join(sorted(_gold(sample, options, reference, several))), extract, answer_tag)


def _prepare(letters: str = "", reference: str = "letter_or_text", **_config: Any) -> None:
    options_of({}, "", letters or "AB")
    _check_reference(reference)


@verifier(
    "choice",
    summary="an option by letter, by letter and text, or by text",
    gold_response=gold_response,
    prepare=_prepare,
)
def choice_verifier(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    think_close: str = "</think>",
    choices_field: str = "choices",
    letters: str = "",
    reference: str = "letter_or_text",
    several: bool = False,
) -> Verdict:
    """Compare the option that the answer names with the reference's; with `several`, the set of them."""
    _check_reference(reference)
    options = options_of(sample.metadata, choices_field, letters)
    gold = _gold(sample, options, reference, several)
    answer = answer_of(sample.response, extract, answer_tag, think_close)
    if isinstance(answer, Verdict):
        return answer
    try:
        found = picks(answer, options) if several else pick(answer, options)
    except TooDeepError as problem:
        return Verdict.unparsed(str(problem))
    shown = clip(answer)
    if isinstance(found, str):
        return Verdict.wrong(shown, found)
    if found.labels == gold:
        return Verdict.correct(shown)
    return Verdict.wrong(shown, _difference(found, gold, several))


def _difference(found: Pick, gold: frozenset[str], several: bool) -> str:
    if not several:
        return f"option {', '.join(sorted(found.labels))}, which is not the reference's"
    extra, missing = len(found.labels - gold), len(gold - found.labels)
    return f"{extra} of the {len(found.labels)} options named are not the reference's, and {missing} of its are missing"


def _gold(sample: Sample, options: Options, kind: str, several: bool) -> frozenset[str]:
    """Raises ValueError where the reference names no option, or more than one unasked."""
    assert sample.reference is not None
    text = sample.reference.strip()
    if kind != "letter_or_text":
        return _by_index(text, options, first=1 if kind == "index_from_1" else 0, several=several)
    found = picks(text, options) if several else pick(text, options)
    if isinstance(found, str):
        raise ValueError(f"the reference {clip(text, 80)!r}: {found}")
    if found.ambiguous:
        raise ValueError(f"the reference {clip(text, 80)!r} is the letter of one option and the text of another")
    return found.labels


def _by_index(text: str, options: Options, first: int, several: bool) -> frozenset[str]:
    numbers = [part.strip() for part in text.strip("[]").split(",")] if several else [text]
    last = first + len(options.labels) - 1
    if not all(n.isascii() and n.isdigit() and len(n) <= 2 and first <= int(n) <= last for n in numbers):
        raise ValueError(f"the reference {clip(text, 80)!r} is no index from {first} to {last} of an option")
    return frozenset(options.labels[int(n) - first] for n in numbers)


def _check_reference(kind: str) -> None:
    if kind not in REFERENCES:
        raise ValueError(f"reference: found {kind!r}; write one of {', '.join(REFERENCES)}")
