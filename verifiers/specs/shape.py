"""How a response is written, whatever it says."""

from __future__ import annotations

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

SPECS = (FORMAT,)
