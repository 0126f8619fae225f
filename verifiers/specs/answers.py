"""Short answers against a gold answer."""

from __future__ import annotations

from collections.abc import Mapping

from verifiers.spec import Option, VerifierSpec

_EXTRACT = ("boxed", "final_answer")
_BESIDE = ("optional", "ignore", "require")

MATH = VerifierSpec(
    "math",
    "the last \\boxed{} of the response, equal in value to the reference",
    "verifiers.math:math_verifier",
    gold_checkable=True,
    options={
        "extract": Option(
            str, "boxed", "boxed: the last box alone; final_answer: without a box, `final answer is …`", _EXTRACT
        ),
        "think_close": Option(str, "</think>", "text that ends the thinking part; boxes before it do not count"),
        "units": Option(
            str,
            "optional",
            "optional: may be missing, two known ones must agree; ignore; require: both the same",
            _BESIDE,
        ),
        "currency": Option(str, "optional", "as units", _BESIDE),
        "percent": Option(
            str,
            "either",
            "what 28% equals beside itself. sign: 28; value: 0.28; either: both; require: neither",
            ("either", "sign", "value", "require"),
        ),
        "intervals": Option(
            str, "either", "either: 0<x<1 equals (0,1); strict: relations equal relations only", ("either", "strict")
        ),
        "rounded_digits": Option(
            int,
            3,
            "a decimal reference of so many significant digits is taken as rounded: exact answers that round to it are "
            "right; 0: never",
            least=0,
        ),
    },
)

EXTRACTION: Mapping[str, Option] = {
    "extract": Option(
        str,
        "boxed",
        "where the answer stands: the last box; answer_tag, last_line, or a box in them; the last box, else what "
        "follows “final answer is”",
        ("boxed", "answer_tag", "last_line", "final_answer"),
    ),
    "answer_tag": Option(str, "answer", "name of the tag, with extract: answer_tag"),
    "think_close": Option(str, "</think>", "text that ends the thinking part; nothing before it counts"),
}

CHOICE = VerifierSpec(
    "choice",
    "a multiple-choice option: its letter, its letter and text, or its text alone",
    "verifiers.answers.choice:choice_verifier",
    gold_checkable=True,
    options={
        **EXTRACTION,
        "choices_field": Option(
            str, "choices", "metadata field with the options: a list of texts, or a mapping of letters to texts"
        ),
        "letters": Option(str, "", "the options' letters, e.g. ABCD, where the metadata has no such field"),
        "reference": Option(
            str,
            "letter_or_text",
            "what the reference is; an index counts from 0 or from 1",
            ("letter_or_text", "index", "index_from_1"),
        ),
        "several": Option(bool, False, "several options may be right; compared as sets"),
    },
)

SEPARATORS = Option(
    str, "english", "1,234.5 or 1.234,5; in both, thin spaces and apostrophes group too", ("english", "european")
)
TOLERANCE: Mapping[str, Option] = {
    "relative_tolerance": Option(float, 0.0, "share of the reference that an answer may be off; 0.0: none"),
    "absolute_tolerance": Option(float, 0.0, "what an answer may be off, in the reference's unit; 0.0: none"),
    "significant_figures": Option(int, 0, "both are rounded to so many significant figures; 0: off", least=0),
    "decimals": Option(int, -1, "both are rounded to so many places after the point; -1: off", least=-1),
    "figures": Option(
        str,
        "exact",
        "reference: the answer is rounded to the last digit that the reference shows",
        ("exact", "reference"),
    ),
    "rounding": Option(str, "half_up", "of a half, with the three above", ("half_up", "half_even")),
}

NUMBER = VerifierSpec(
    "number",
    "a number, equal exactly or within one stated tolerance; no expressions",
    "verifiers.answers.number:number_verifier",
    gold_checkable=True,
    options={
        **EXTRACTION,
        "separators": SEPARATORS,
        "percent": Option(
            str,
            "same",
            "10% is only 10% (same), is 0.1 (fraction), or is 10 (ignore)",
            ("same", "fraction", "ignore"),
        ),
        "ignore": Option(list, [], "words or signs that may stand beside a number, e.g. [$, dollars]"),
        **TOLERANCE,
    },
)

QUANTITY = VerifierSpec(
    "quantity",
    "a number with a unit, converted by pint's definitions and compared exactly or within one stated tolerance",
    "verifiers.answers.quantity:quantity_verifier",
    gold_checkable=True,
    options={
        **EXTRACTION,
        "separators": SEPARATORS,
        "unit": Option(
            str,
            "required",
            "required: where the reference has one; optional: without one, the reference's is meant; forbidden",
            ("required", "optional", "forbidden"),
        ),
        "conversion": Option(
            str,
            "allowed",
            "refused: the answer's unit must be worth the same as the reference's",
            ("allowed", "refused"),
        ),
        "temperature": Option(
            str, "point", "what °C and °F by themselves are: points on a scale, or differences", ("point", "difference")
        ),
        "names": Option(list, [], "further units, which stand for themselves, e.g. [apples]"),
        **TOLERANCE,
    },
)

TEXT = VerifierSpec(
    "text",
    "a short text or list of texts, equal after normalisation; no substrings, nothing fuzzy",
    "verifiers.answers.text:text_verifier",
    gold_checkable=True,
    options={
        **EXTRACTION,
        "ignore_case": Option(bool, True, "letters of either case are the same"),
        "ignore_articles": Option(bool, False, "a, an and the are left out"),
        "ignore_punctuation": Option(bool, False, "punctuation is left out"),
        "items": Option(str, "one", "one text, or a list of them", ("one", "ordered", "unordered")),
        "separators": Option(list, [",", ";"], "marks or words between the items of a list"),
        "alternatives": Option(str, "", "mark in the reference between texts of which each is right, e.g. |"),
    },
)

SPECS = (MATH, CHOICE, NUMBER, QUANTITY, TEXT)
