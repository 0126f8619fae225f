"""`language`: the share of a response's words that are in the prompt's language (DeepSeek-R1 2501.12948, the language
consistency reward). A degree, from 0 to 1.
"""

from __future__ import annotations

from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.registry import verifier
from verifiers.shape.languages import LANGUAGES, foreign_words, language_of, words_by_script, words_in
from verifiers.shape.parts import PARTS, degree, part_of
from verifiers.shape.prose import parted, prose

PROMPT = "prompt"


def consistency(target_words: int, words: int) -> float:
    """Share of the words that are of the target language: DeepSeek-R1 (2501.12948). 0 where there is no word."""
    return target_words / words if words else 0.0


def _check(language: str, part: str) -> None:
    if language != PROMPT and language not in LANGUAGES:
        raise ValueError(f"language: found {language!r}; write {PROMPT} or one of {', '.join(LANGUAGES)}")
    if part not in PARTS:
        raise ValueError(f"part: found {part!r}; write one of {', '.join(PARTS)}")


def _prepare(language: str = PROMPT, part: str = "response", **_config: Any) -> None:
    _check(language, part)


@verifier("language", summary="share of words in the prompt's language", needs_reference=False, prepare=_prepare)
def language_verifier(
    sample: Sample, language: str = PROMPT, part: str = "response", think_close: str = "</think>"
) -> Verdict:
    """Count the words that are in the language, and those that are not."""
    _check(language, part)
    target = _prompts(sample) if language == PROMPT else language
    text, markup = parted(part_of(sample.response, part, think_close))
    words = words_by_script(text)
    if not words:
        return Verdict.unparsed(f"no words in the {part} but code, formulas and symbols")
    words += foreign_words(markup, target)
    of_target = words_in(words, target)
    return degree(consistency(of_target, len(words)), f"{of_target:,} of {len(words):,} words are in {target}")


def _prompts(sample: Sample) -> str:
    found = language_of(words_by_script(prose(sample.prompt)))
    if found is None:
        raise ValueError("the prompt has no words that tell its language; write config.language, e.g. en")
    return found
