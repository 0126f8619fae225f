"""Short answers against a gold answer."""

from __future__ import annotations

from verifiers.spec import Option, VerifierSpec

MATH = VerifierSpec(
    "math",
    "the last \\boxed{} of the response, equal in value to the reference (math-verify)",
    "verifiers.math:math_verifier",
    gold_checkable=True,
    options={
        "think_close": Option(str, "</think>", "text that ends the thinking part; boxes before it do not count"),
    },
)

SPECS = (MATH,)
