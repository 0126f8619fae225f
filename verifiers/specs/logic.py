"""Puzzles and procedural tasks."""

from __future__ import annotations

from verifiers.spec import Option, VerifierSpec

LOGIC = VerifierSpec(
    "logic",
    "a reasoning-gym puzzle's answer, read by its task's grammar and judged by its rules",
    "verifiers.logic.verifier:logic_verifier",
    isolated=True,
    needs_reference=False,
    gold_checkable=True,
    tasks="verifiers.logic.tasks:listing",
    options={
        "extract": Option(
            str, "boxed", "where the answer stands: the last box, tag or line", ("boxed", "answer_tag", "last_line")
        ),
        "answer_tag": Option(str, "answer", "name of the tag, with extract: answer_tag"),
        "think_close": Option(str, "</think>", "text that ends the thinking part; nothing before it counts"),
        "tolerance": Option(float, 0.0, "relative error that is granted to decimals (never to whole numbers)"),
    },
)

SPECS = (LOGIC,)
