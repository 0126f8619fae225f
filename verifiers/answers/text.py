"""`text`: a short text, or a list of them, equal to the reference after normalisation. Never a substring, never nearly.

Both sides alike: LaTeX and markdown as they show, Unicode's compatibility forms as what they stand for (NFKC), one kind
of space, characters that do not show left out. Letters of different alphabets stay different, however alike they look.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verifiers.answers.extraction import answer_of, written
from verifiers.answers.options import comparable
from verifiers.answers.plain import TooDeepError
from verifiers.base import Sample, Verdict
from verifiers.matching import all_matched
from verifiers.registry import verifier
from verifiers.verifier import clip

MAX_ITEMS = 200
ITEMS = ("one", "ordered", "unordered")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
_OR = re.compile(r" (?:or|oder|ou) | ?[;|/] ?|, ?", re.IGNORECASE)
_BRACKETS = {"[": "]", "{": "}", "(": ")"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What two texts may differ in and be the same, and how a text is a list."""

    ignore_case: bool
    ignore_articles: bool
    ignore_punctuation: bool
    items: str
    separators: tuple[str, ...]
    alternatives: str

    def normal(self, shown: str) -> str:
        """Of what `comparable` gives."""
        if self.ignore_punctuation:
            shown = "".join(" " if unicodedata.category(c)[0] == "P" else c for c in shown)
        if self.ignore_articles:
            shown = _ARTICLES.sub(" ", shown)
        return " ".join((shown.casefold() if self.ignore_case else shown).split())

    def split(self, shown: str) -> list[str]:
        """The items of a list, in brackets or bare; the text itself where it is to be one."""
        if self.items == "one":
            return [shown]
        if len(shown) > 1 and _BRACKETS.get(shown[0]) == shown[-1]:
            shown = shown[1:-1]
        marks = sorted(self.separators, key=len, reverse=True)
        patterns = (rf"(?<!\w){re.escape(m)}(?!\w)" if m[0].isalpha() else re.escape(m) for m in marks)
        return [part.strip() for part in re.split("|".join(patterns), shown) if part.strip()]


def _rules(
    ignore_case: bool = True,
    ignore_articles: bool = False,
    ignore_punctuation: bool = False,
    items: str = "one",
    separators: Sequence[str] = (",", ";"),
    alternatives: str = "",
    **_config: Any,
) -> Rules:
    if items not in ITEMS:
        raise ValueError(f"items: found {items!r}; write one of {', '.join(ITEMS)}")
    marks = tuple(separators)
    if not marks or not all(isinstance(mark, str) and mark and mark == mark.strip() for mark in marks):
        raise ValueError(f"separators: found {list(marks)!r}; write marks or words without spaces, e.g. [',', and]")
    if alternatives and (alternatives != alternatives.strip() or (items != "one" and alternatives in marks)):
        raise ValueError(f"alternatives: found {alternatives!r}; write a mark that separates no items, e.g. '|'")
    return Rules(ignore_case, ignore_articles, ignore_punctuation, items, marks, alternatives)


def gold_response(sample: Sample, extract: str = "boxed", answer_tag: str = "answer", **config: Any) -> str | None:
    """The reference, of each item the first alternative."""
    assert sample.reference is not None
    rules = _rules(**config)
    if not rules.alternatives:
        return written(sample.reference.strip(), extract, answer_tag)
    chosen = [item.split(rules.alternatives)[0].strip() for item in rules.split(comparable(sample.reference))]
    return written(f"{rules.separators[0]} ".join(chosen), extract, answer_tag)


def _prepare(**config: Any) -> None:
    _rules(**config)


@verifier(
    "text", summary="a short text or list, equal after normalisation", gold_response=gold_response, prepare=_prepare
)
def text_verifier(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    think_close: str = "</think>",
    ignore_case: bool = True,
    ignore_articles: bool = False,
    ignore_punctuation: bool = False,
    items: str = "one",
    separators: Sequence[str] = (",", ";"),
    alternatives: str = "",
) -> Verdict:
    """Compare the answer, or each of its items, with the reference's."""
    rules = _rules(ignore_case, ignore_articles, ignore_punctuation, items, separators, alternatives)
    gold = _gold(sample, rules)
    answer = answer_of(sample.response, extract, answer_tag, think_close)
    if isinstance(answer, Verdict):
        return answer
    try:
        found = [rules.normal(item) for item in rules.split(comparable(answer))]
    except TooDeepError as problem:
        return Verdict.unparsed(str(problem))
    shown = clip(answer)
    if not any(found):
        return Verdict.unparsed("nothing is left of the answer after normalisation")
    reason = _difference(found, gold, rules)
    return Verdict.correct(shown) if reason is None else Verdict.wrong(shown, reason)


def _gold(sample: Sample, rules: Rules) -> list[frozenset[str]]:
    """By item, the normalised texts that are right. Raises ValueError where there are none."""
    assert sample.reference is not None
    items = rules.split(comparable(sample.reference))
    found = []
    for item in items:
        parts = item.split(rules.alternatives) if rules.alternatives else [item]
        found.append(frozenset(rules.normal(part.strip()) for part in parts))
    if not found or any("" in texts for texts in found) or len(found) > MAX_ITEMS:
        raise ValueError(
            f"the reference {clip(sample.reference, 80)!r}: write 1 to {MAX_ITEMS} texts, none empty after "
            "normalisation"
        )
    return found


def _difference(found: list[str], gold: list[frozenset[str]], rules: Rules) -> str | None:
    """Why the items found are not the reference's, or None."""
    if rules.items == "one":
        if found[0] in gold[0]:
            return None
        parts = [rules.normal(part) for part in _OR.split(found[0])]
        hedges = len(parts) > 1 and any(part in gold[0] for part in parts)
        return "names several answers" if hedges else "differs from the reference"
    if len(found) != len(gold):
        return f"{len(found)} items, where the reference has {len(gold)}"
    if rules.items == "ordered":
        at = next((i for i, (text, right) in enumerate(zip(found, gold, strict=True), 1) if text not in right), None)
        return None if at is None else f"item {at} differs from the reference"
    fits = [[i for i, right in enumerate(gold) if text in right] for text in found]
    return None if all_matched(fits, len(gold)) else "the items are not those of the reference"
