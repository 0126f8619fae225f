"""How a response is written, whatever it says."""

from __future__ import annotations

from collections.abc import Mapping

from verifiers.spec import Option, VerifierSpec

FORMAT = VerifierSpec(
    "format",
    "think and answer tags exactly once and in order",
    "verifiers.shape.format:format_verifier",
    needs_reference=False,
    options={
        "tags": Option(list, ["think", "answer"], "tag names, in the order in which they must come"),
        "require_box": Option(bool, False, "the last tag's content must hold exactly one \\boxed{}"),
        "opened_by_prompt": Option(bool, False, "the prompt already ends with the first opening tag"),
        "allow_outside": Option(bool, False, "text before, between and after the tags is accepted"),
    },
)

PART: Mapping[str, Option] = {
    "part": Option(
        str,
        "response",
        "what is looked at: all of it, or what stands before or after think_close",
        ("response", "thinking", "answer"),
    ),
    "think_close": Option(str, "</think>", "text that ends the thinking part"),
}

LENGTH = VerifierSpec(
    "length",
    "soft punishment of overlong responses (DAPO), from 0 to -1, in words, characters or given tokens",
    "verifiers.shape.length:length_verifier",
    needs_reference=False,
    grades=True,
    options={
        "limit": Option(int, 0, "the length from which on the punishment is whole, e.g. 2000", required=True, least=1),
        "buffer": Option(int, 0, "how far below the limit it begins, e.g. 400", required=True, least=1),
        "unit": Option(
            str, "words", "what is counted; tokens: metadata.response_tokens", ("words", "characters", "tokens")
        ),
        **PART,
    },
)

REPETITION = VerifierSpec(
    "repetition",
    "little of the response repeats what it said before; else wrong, with 1 - share as partial credit",
    "verifiers.shape.repetition:repetition_verifier",
    needs_reference=False,
    options={
        "measure": Option(
            str,
            "ngrams",
            "the share of n-grams that stood before, or of a loop that goes on to the end",
            ("ngrams", "loop"),
        ),
        "n": Option(int, 20, "words of an n-gram; a character of Chinese or Japanese is one", least=1),
        "allowed": Option(float, 0.1, "the share up to which a response is correct"),
        **PART,
    },
)

_LANGUAGES = "ar de el en es fr he hi id it ja ko nl pl pt ru sv th tr vi zh"
LANGUAGE = VerifierSpec(
    "language",
    "share of the words that are in the prompt's language (DeepSeek-R1), from 0 to 1",
    "verifiers.shape.language:language_verifier",
    needs_reference=False,
    grades=True,
    options={
        "language": Option(
            str,
            "prompt",
            "the prompt's, or one that is named",
            ("prompt", *_LANGUAGES.split()),
        ),
        **PART,
    },
)

SPECS = (FORMAT, LENGTH, REPETITION, LANGUAGE)
