"""Puzzles and procedural tasks."""

from __future__ import annotations

from verifiers.spec import Option, VerifierSpec

REASONING_GYM = VerifierSpec(
    "reasoning_gym",
    "the scorer of the prompt's reasoning-gym task, in an isolated process",
    "verifiers.logic.reasoning_gym:reasoning_gym_verifier",
    isolated=True,
    needs_reference=False,
    gold_checkable=True,
    options={
        "extract": Option(
            str, "boxed", "where the answer stands: the last box, tag or line", ("boxed", "answer_tag", "last_line")
        ),
        "answer_tag": Option(str, "answer", "name of the tag, with extract: answer_tag"),
        "think_close": Option(str, "</think>", "text that ends the thinking part; nothing before it counts"),
    },
)

SPECS = (REASONING_GYM,)
