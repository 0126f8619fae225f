"""From a line of text to the expression in it. Plain text work, linear time.

For expressions that come without a box: the verifier itself reads boxes only, and never the text around them.
"""

from __future__ import annotations

import re

from verifiers.extract import boxes, final_answer, formulas, last_statement

_JOINT = re.compile(r"[\s,;&.$]*(?:(?:and|or|und|et|y)\b[\s,;&.$]*)?")
_TEXT_JOINT = re.compile(r"\\text(?:bf|it|rm)?\{\s*(and|or)\s*\}|\\q?quad|\\[,;:! ()\[\]]|\$")
_SEPARATOR = re.compile(r"\b(?:and|or)\b|,|;")
_CLOSE, _NEAR = 10, 70
"""Characters between two boxes that belong together, without and with a separator: math-verify's rule."""
_PERCENT = re.compile(r"[\s$]*(?:\\?%|percent|pct|percentage)(?![A-Za-z])")


def expression(text: str) -> str:
    """What `text` says in mathematics: a final answer after its last box, its boxes, else its final answer, else its
    formulas, else what its last `is` says, else itself.

    Several that are joined by commas, `and` or `or` are a list, else the last counts; between boxes a few other words
    may stand.
    """
    text = text.replace("\\\\boxed", "\\boxed")  # escaped twice
    found = boxes(text)
    after = text[found[-1][1] :] if found else text
    stated = final_answer(after) if not found or "final answer is" in after else None
    if stated is not None:
        return stated
    joint = _joins_boxes if found else _joins_formulas
    found = found or formulas(text)
    if not found:
        return last_statement(text) or text
    first = len(found) - 1
    while first > 0 and found[first - 1][2] != found[first][2] and joint(text[found[first - 1][1] : found[first][0]]):
        first -= 1
    percent = "\\%" if _PERCENT.match(text, found[-1][1]) else ""
    return ", ".join(content.strip() for _, _, content in found[first:]) + percent


def _joins_formulas(between: str) -> bool:
    return _JOINT.fullmatch(between) is not None


def _joins_boxes(between: str) -> bool:
    bare = _TEXT_JOINT.sub(r" \1 ", between)
    return len(bare) < _CLOSE or (len(bare) < _NEAR and _SEPARATOR.search(bare) is not None)
